import type { Command } from 'commander'
import { systemClock } from '../core/clock.ts'
import type { Chancy } from '../index.ts'
import { pluginsOf } from '../plugin/index.ts'
import { commandGroups } from './command-list.ts'
import { loadApp } from './program/app-option.ts'
import { Application, appGiven, hasPassword } from './program/application.ts'
import { takenApart } from './program/command-tree.ts'
import { printError, reportError, usageLine } from './program/error-line.ts'
import { isHelp, valueGiven, wordsOf } from './program/global-options.ts'
import { ownPlugins } from './program/own-plugins.ts'
import { Session } from './program/session.ts'
import { programTree } from './program-tree.ts'
import { columnsOf, type Terminal } from './terminal/terminal.ts'

/** How long the sessions may take to close after a signal, in milliseconds. */
const CLOSING_MS = 250
/** The same where the command ended by itself, which may have left more to do. */
const ENDED_CLOSING_MS = 2_000

/**
 * Runs one command line and returns how the process exits: 0 done, 1 failed or the answer is no, 2 wrong usage,
 * 130 and 143 by a signal.
 *
 * @param signal aborts, with an `Interrupted` as its reason, when the process gets SIGINT or SIGTERM
 */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  let session: Session | null = null
  try {
    const app = await appOf(args, terminal)
    const plugins = app === null ? ownPlugins() : pluginsOf(app)
    const program = programTree(plugins, () => session as Session)
    const application = new Application(app, terminal.env)
    session = new Session({ program, terminal, application, signal })
    configure(program, terminal, app !== null)
    sayPassword(args, terminal)
    const done = program.parseAsync(args, { from: 'user' })
    await Promise.race([done, interrupted(session)])
    return session.exitCode
  } catch (error) {
    return reportError(error, terminal, args.includes('--verbose'))
  } finally {
    session?.end()
    const closed = session?.application.close()
    const closingMs = session?.isInterruptible === true ? ENDED_CLOSING_MS : CLOSING_MS
    // After a signal the process ends, whatever a statement is waiting for.
    await (signal.aborted ? Promise.race([closed, systemClock.sleep(closingMs)]) : closed)
  }
}

/** The application, unless the command needs none. For a help a broken one is left out. */
async function appOf(args: readonly string[], terminal: Terminal): Promise<Chancy | null> {
  const given = appGiven(args, terminal.env)
  const [word] = wordsOf(args)
  const isAlone = commandGroups
    .flatMap(({ commands }) => commands)
    .some((one) => one.isAlone === true && takenApart(one.name).words[0] === word)
  if (given === undefined || isAlone) return null
  try {
    return await loadApp(given)
  } catch (error) {
    if (!isHelp(args)) throw error
    reportError(error, terminal, false)
    return null
  }
}

/** Rejects when a signal comes and the command does not end by itself. */
function interrupted(session: Session): Promise<never> {
  const { signal } = session
  return new Promise((_, reject) => {
    const end = (): void => {
      if (!session.isInterruptible) reject(signal.reason as Error)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

function configure(program: Command, terminal: Terminal, hasApp: boolean): void {
  const of = (command: Command): void => {
    command.configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => columnsOf(terminal.stdout) ?? 100,
      getErrHelpWidth: () => columnsOf(terminal.stderr) ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text) => printError(terminal, `${usageLine(text)}${hint(text, command)}`),
    })
    for (const one of command.commands) of(one)
  }
  const hint = (text: string, command: Command): string => {
    const path: string[] = []
    for (let one: Command | null = command; one !== null; one = one.parent) path.unshift(one.name())
    const help = ` See "${path.join(' ')} --help".`
    if (!text.includes('unknown command')) return help
    const word = /unknown command '([^']*)'/.exec(text)?.[1]
    const missing = hasApp
      ? ownPlugins().find(({ commands = [] }) =>
          commands.some(({ name }) => name.split(' ')[0] === word),
        )
      : undefined
    if (missing !== undefined)
      return ` It is a command of the plugin "${missing.name}", which this application does not have.`
    return hasApp ? help : `${help} Commands of an application's plugins need --app.`
  }
  of(program)
}

/** A DSN of the command line is seen by every user of the machine. */
function sayPassword(args: readonly string[], { stderr }: Terminal): void {
  if (!hasPassword(valueGiven(args, '--database') ?? '')) return
  stderr.write(
    'note: the password in --database shows in the list of processes; set DATABASE_URL instead.\n',
  )
}
