import type { Command, Option } from 'commander'
import type { Chancy, Plugin } from '../../index.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { GlobalOptions } from './global-options.ts'

/** What a command prints, and whether it exits with 1. */
export interface Answer {
  /** Of `--json`. */
  readonly value: unknown
  /**
   * What is printed without `--json`: a list of objects as a table, one object as its fields, a text as it is, or what
   * a function makes of the layout of the terminal.
   * Default: the value.
   */
  readonly shown?: unknown
  /** Whether the answer is no: then the command exits with 1. Default: false. */
  readonly isNo?: boolean
}

/** What a command works with. */
export interface Call {
  readonly global: GlobalOptions
  readonly terminal: Terminal
  /** The tree of all commands. */
  readonly program: Command
  /** What `--app` names, or null. */
  readonly app: Chancy | null
  /** Aborts at SIGINT and SIGTERM. A command that is not `interruptible` is ended then. */
  readonly signal: AbortSignal
  /**
   * The application of `--app`, or one of `--database`, which has the default plugins and these. Closed when the
   * command has ended.
   */
  chancy(plugins?: readonly Plugin[]): Chancy
  /**
   * Resolves when the answer is yes, or `--yes` was given.
   *
   * @throws {ConfigError} without a terminal to ask on
   */
  confirm(question: string): Promise<void>
  /** A line on the standard error, for what is no answer. */
  note(line: string): void
  /** Called when the command has ended, however it did. */
  atEnd(work: () => void): void
}

export interface Example {
  readonly text: string
  readonly command: string
}

/** A command: its options, one call of the public interface, and an answer. */
export interface CommandDefinition<Given = object> {
  /** Words, then arguments: `'queue pause <name>'`, `'job cancel [id...]'`. */
  readonly name: string
  /** One line without a period. */
  readonly summary: string
  /** What is to be known besides, in whole sentences. */
  readonly details?: string
  readonly options?: readonly Option[]
  readonly examples?: readonly Example[]
  /** It has `--watch`: `run` is called each second, and its answer is drawn again. */
  readonly watch?: boolean
  /** It needs neither an application nor a database, so `--app` is not loaded for it. */
  readonly isAlone?: boolean
  /** It ends by itself after `signal` has aborted; throw the reason of the signal to exit with 130 or 143. */
  readonly interruptible?: boolean
  /** What runs long waits for a database that is away as the application says, and not for 5 s alone. */
  readonly isPatient?: boolean
  /** `given` are the arguments and the options by their names in camel case. */
  run(call: Call, given: Given): Promise<Answer | undefined>
}

/** The same object; with it the compiler checks the names of what is given. */
export function command<Given = object>(definition: CommandDefinition<Given>): CommandDefinition {
  return definition as CommandDefinition
}
