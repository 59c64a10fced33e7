import { Command } from 'commander'
import type { Plugin } from '../index.ts'
import { commandGroups, parentSummaries } from './command-list.ts'
import { addCommand } from './program/command-tree.ts'
import { addGlobalOptions } from './program/global-options.ts'
import { commandsOfPlugin } from './program/plugin-commands.ts'
import type { Session } from './program/session.ts'

/**
 * The tree of all commands, those of plugins among them.
 *
 * @param session called when a command is
 * @throws {ConfigError} when a plugin has a command of Chancy
 */
export function programTree(plugins: readonly Plugin[], session: () => Session): Command {
  const program = new Command('chancy')
    .description('Chancy, the job queue on PostgreSQL.')
    .usage('[options] <command>')
    // Before the commands, which take it over.
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .helpCommand('help [command]', 'print how a command is used')
  addGlobalOptions(program)
  for (const { heading, commands } of commandGroups) {
    program.commandsGroup(heading)
    for (const one of commands) addCommand(program, one, session)
  }
  const taken = new Set(['help', ...program.commands.map((one) => one.name())])
  program.commandsGroup('Of plugins:')
  for (const plugin of plugins)
    for (const one of commandsOfPlugin(plugin, taken)) addCommand(program, one, session)
  for (const one of program.commands) {
    const summary = parentSummaries[one.name()]
    if (one.commands.length > 0 && one.summary() === '' && summary !== undefined)
      one.summary(summary).description(`${summary}.`)
  }
  return program
}
