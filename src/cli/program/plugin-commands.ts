import { InvalidArgumentError, Option } from 'commander'
import { ConfigError, type Plugin } from '../../index.ts'
import {
  type CommandOption,
  type GivenOptions,
  type PluginCommand,
  pluginAccess,
} from '../../plugin/index.ts'
import type { CommandDefinition } from './command.ts'
import { camelCase, takenApart } from './command-tree.ts'

/**
 * The commands of a plugin as commands of the command line, such as `chancy --app ./app.ts attempts failed --limit 10`.
 *
 * @param taken the first words of Chancy's own commands
 * @throws {ConfigError} for one of those
 */
export function commandsOfPlugin(plugin: Plugin, taken: ReadonlySet<string>): CommandDefinition[] {
  return (plugin.commands ?? []).map((command) => {
    const [word = ''] = command.name.split(' ')
    if (!taken.has(word)) return definitionOf(plugin, command)
    throw new ConfigError(
      `The plugin "${plugin.name}" has the command "${command.name}", and "${word}" is a command of Chancy. Rename or remove it.`,
    )
  })
}

function definitionOf(plugin: Plugin, command: PluginCommand): CommandDefinition {
  const { name, summary, options = {}, details, examples } = command
  const names = [...takenApart(name).args.map(nameOfArgument), ...Object.keys(options)]
  return {
    name,
    summary,
    ...(details === undefined ? {} : { details }),
    ...(examples === undefined ? {} : { examples }),
    options: Object.entries(options).map(([one, option]) => optionOf(one, option)),
    run: async (call, given) => {
      const access = pluginAccess(call.chancy([plugin]), plugin.name)
      const values = byNames(names, given as Readonly<Record<string, GivenOptions[string]>>)
      const question = await command.ask?.(access, values)
      if (typeof question === 'string') await call.confirm(question)
      const value = await command.run(access, values)
      const shown = command.show === undefined ? value : command.show(value)
      return { value, shown, isNo: command.isNo?.(value) === true }
    },
  }
}

const nameOfArgument = (part: string): string => part.replaceAll(/[<>[\].]/g, '')

/** `dry-run` is given to a plugin under its own name, and not as `dryRun`. */
function byNames(
  names: readonly string[],
  given: Readonly<Record<string, GivenOptions[string]>>,
): GivenOptions {
  return Object.fromEntries(names.map((name) => [name, given[camelCase(name)]]))
}

function optionOf(name: string, { type, summary, short, default: value }: CommandOption): Option {
  const flags = short === undefined ? `--${name}` : `-${short}, --${name}`
  if (type === 'flag') return new Option(flags, summary).default(false)
  const option = new Option(`${flags} <${type}>`, summary)
  if (value !== undefined) option.default(value)
  return type === 'number' ? option.argParser(numberOf) : option
}

function numberOf(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('It takes a number.')
}
