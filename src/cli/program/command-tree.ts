import { type Command, Option } from 'commander'
import type { CommandDefinition, Example } from './command.ts'
import type { Session } from './session.ts'
import { watch } from './watch.ts'

/** Adds a command to the tree. What it is called with comes from `session`, when it is called. */
export function addCommand(
  program: Command,
  definition: CommandDefinition,
  session: () => Session,
): Command {
  const { name, summary, details, options = [], examples = [] } = definition
  const { words, args } = takenApart(name)
  const added = words.reduce(childOf, program)
  added
    .summary(summary)
    .description(details === undefined ? sentence(summary) : `${sentence(summary)}\n\n${details}`)
  for (const arg of args) added.argument(arg)
  for (const option of options) added.addOption(option)
  if (definition.watch === true)
    added.addOption(new Option('--watch', 'print it again each second'))
  if (examples.length > 0) added.addHelpText('after', examplesText(examples))
  return added.action(() => perform(definition, added, session()))
}

/** `'audit show <id>'` as its words and its arguments. */
export function takenApart(name: string): { readonly words: string[]; readonly args: string[] } {
  const parts = name.split(' ')
  const isArgument = (part: string): boolean => /^[<[]/.test(part)
  return { words: parts.filter((part) => !isArgument(part)), args: parts.filter(isArgument) }
}

async function perform(
  definition: CommandDefinition,
  added: Command,
  session: Session,
): Promise<void> {
  session.isInterruptible = definition.interruptible === true
  session.isPatient = definition.isPatient === true
  const given = { ...argumentsOf(added), ...added.opts<{ readonly watch?: boolean }>() }
  const run = () => definition.run(session, given)
  if (definition.watch === true && given.watch === true) return watch(session, run)
  session.take(await run())
}

function argumentsOf(added: Command): object {
  const args = added.registeredArguments.map((one, at) => [
    camelCase(one.name()),
    added.processedArgs[at],
  ])
  return Object.fromEntries(args) as object
}

/** `dry-run` as `dryRun`, which is how commander names an option. */
export function camelCase(name: string): string {
  return name.replaceAll(/-[a-z0-9]/g, (match) => match.slice(1).toUpperCase())
}

/** The command `list` of `audit`, made where it is not there. */
function childOf(parent: Command, word: string): Command {
  return parent.commands.find((one) => one.name() === word) ?? parent.command(word)
}

function sentence(summary: string): string {
  return `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`
}

function examplesText(examples: readonly Example[]): string {
  const lines = examples.map(({ text, command }) => `  # ${text}\n  ${command}`)
  return `\nExamples:\n${lines.join('\n')}`
}
