import type { PluginAccess } from '../access/plugin-access.ts'

export const OPTION_TYPES = ['text', 'number', 'flag'] as const
/** Options that every command of the command line has. */
export const COMMON_OPTIONS: readonly string[] = [
  'app',
  'database',
  'schema',
  'json',
  'yes',
  'verbose',
  'help',
]

/** An option of a command: `--limit 10` for a number, `--force` for a flag. */
export interface CommandOption {
  readonly type: (typeof OPTION_TYPES)[number]
  readonly summary: string
  /** One letter: `n` for `-n 10`. */
  readonly short?: string
  /** Of a text or a number. Default: `run` is given undefined; a flag is false. */
  readonly default?: string | number
}

/** The arguments and options of a call by their names. */
export type GivenOptions = Readonly<Record<string, string | number | boolean | undefined>>

/** A command of the command line, such as `chancy --app ./app.ts attempts failed`. */
export interface PluginCommand {
  /** Words, then arguments: `'attempts failed'`, `'attempts show <id>'`, `'attempts prune [before]'`. */
  readonly name: string
  /** One line without a period. */
  readonly summary: string
  /** What the help says besides, in whole sentences. Default: nothing. */
  readonly details?: string
  /** Shown in the help, each a line of what it does and the command. Default: none. */
  readonly examples?: readonly { readonly text: string; readonly command: string }[]
  /** By their names, such as `'dry-run'`: none of the arguments', nor one that every command has, as `json`. */
  readonly options?: Readonly<Record<string, CommandOption>>
  /**
   * The question to ask before `run`, or null for none: what removes or cancels more than one thing asks. It is asked
   * on a terminal; `--yes` answers it, and without a terminal the command is refused unless that is given.
   */
  ask?(access: PluginAccess, given: GivenOptions): string | null | Promise<string | null>
  /** A list of objects is printed as a table, one object as its fields, a text as it is; all as JSON with `--json`. */
  run(access: PluginAccess, given: GivenOptions): unknown
  /** What is printed in the place of the answer without `--json`: fewer or shorter columns. Default: the answer. */
  show?(answer: unknown): unknown
  /** Whether the command exits with 1, by what `run` has returned: the answer is no. Default: it exits with 0. */
  isNo?(answer: unknown): boolean
}
