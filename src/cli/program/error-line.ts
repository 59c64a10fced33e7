import { CommanderError } from 'commander'
import { isChancyError } from '../../index.ts'
import { styleOf } from '../terminal/style.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable, printableLines } from '../terminal/text-width.ts'
import { Declined, DONE, FAILED, Failure, Interrupted, Refused, WRONG_USAGE } from './ending.ts'

/** What the caller has to write otherwise. */
const USAGE: readonly string[] = ['CONFIG_INVALID', 'FILTER_INVALID', 'CURSOR_INVALID']

/** Says in one line what went wrong, with `isVerbose` and its stack, and returns the exit code. */
export function reportError(error: unknown, terminal: Terminal, isVerbose: boolean): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof Failure) {
    reportError(error.cause, terminal, isVerbose)
    return FAILED
  }
  // Help and the complaints about usage are printed already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
  const isOurs = isChancyError(error) || error instanceof Declined || error instanceof Refused
  printError(terminal, isOurs ? withAdvice(error as Error) : foreign(error, isVerbose))
  if (isVerbose) {
    for (let cause: unknown = error; cause !== undefined; cause = (cause as Error)?.cause)
      terminal.stderr.write(`${printableLines(String((cause as Error)?.stack ?? cause))}\n`)
  }
  return isChancyError(error) && USAGE.includes(error.code) ? WRONG_USAGE : FAILED
}

export function printError(terminal: Terminal, message: string): void {
  terminal.stderr.write(`${styleOf(terminal.stderr)('red', 'error:')} ${message.trimEnd()}\n`)
}

/** What commander says of wrong usage, as one line. */
export function usageLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
}

/** What is no error of Chancy is a fault of the application or of Chancy: its stack says which. */
function foreign(error: unknown, isVerbose: boolean): string {
  const { name, message } = (error ?? {}) as Partial<Error>
  const text =
    message === undefined ? String(error) : `${name === 'Error' ? '' : `${name}: `}${message}`
  const line = printable(text.trim().split('\n')[0] ?? '')
  return isVerbose ? line : `${line} (--verbose prints the stack)`
}

/** A driver knows the address that does not answer, and not where it was given. */
function withAdvice(error: Error): string {
  const message = printableLines(error.message)
  if (!isChancyError(error) || error.code !== 'DATABASE_UNREACHABLE') return message
  return `${message.replace(/\.$/, '')}. Check that the server runs, and the address in --database, DATABASE_URL or the application.`
}
