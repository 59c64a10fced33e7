import type { Command } from 'commander'

/** The options that every command has, before or after its name. */
export interface GlobalOptions {
  readonly app?: string
  readonly database?: string
  readonly schema?: string
  readonly json?: boolean
  readonly yes?: boolean
  readonly verbose?: boolean
}

export function addGlobalOptions(program: Command): void {
  program
    .optionsGroup('Options of every command:')
    .option('--app <module>', 'the module that exports the Chancy, as ./app.ts or ./app.ts#name')
    .option('--database <dsn>', 'where PostgreSQL is, without --app')
    .option('--schema <name>', 'the schema of all tables, without --app (default: chancy)')
    .option('--json', 'print one JSON document; with --watch a line a row')
    .option('--yes', 'answer yes to every question')
    .option('--verbose', 'print the stacks of errors')
    .helpOption('-h, --help', 'print how a command is used')
}

/** Of these the next argument is the value. */
const WITH_VALUE = ['--app', '--database', '--schema']

/** The last value of an option, wherever it stands before `--`. It is read before the commands are known. */
export function valueGiven(args: readonly string[], option: string): string | undefined {
  const own = beforeDashes(args)
  const at = own.findLastIndex((arg) => arg === option || arg.startsWith(`${option}=`))
  const found = own[at]
  if (found === undefined) return undefined
  return found === option ? (own[at + 1] ?? '') : found.slice(option.length + 1)
}

/** The words of a command line that are no options of every command: its command, first of all. */
export function wordsOf(args: readonly string[]): string[] {
  const own = beforeDashes(args)
  return own.filter((arg, at) => !arg.startsWith('-') && !WITH_VALUE.includes(own[at - 1] ?? ''))
}

/** Whether only the help is wanted, which a broken application must not prevent. */
export function isHelp(args: readonly string[]): boolean {
  const words = wordsOf(args)
  return (
    words.length === 0 ||
    words[0] === 'help' ||
    beforeDashes(args).some((arg) => ['-h', '--help'].includes(arg))
  )
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end < 0 ? args : args.slice(0, end)
}
