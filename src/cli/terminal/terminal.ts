import type { Readable, Writable } from 'node:stream'

export interface TerminalOutput extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export interface TerminalInput extends Readable {
  readonly isTTY?: boolean
}

/** The three streams and the environment of a command: those of the process, or of a test. */
export interface Terminal {
  readonly stdin: TerminalInput
  readonly stdout: TerminalOutput
  readonly stderr: TerminalOutput
  readonly env: Readonly<Record<string, string | undefined>>
}

const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

/** How many columns a line may take, or null where nothing wraps: in a file or a pipe. */
export function columnsOf(output: TerminalOutput): number | null {
  // A terminal that was not measured says 0.
  return output.isTTY === true ? output.columns || DEFAULT_COLUMNS : null
}

export function rowsOf(output: TerminalOutput): number {
  return output.rows || DEFAULT_ROWS
}
