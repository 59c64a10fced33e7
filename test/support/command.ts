import { PassThrough, Writable } from 'node:stream'
import { Interrupted } from '../../dist/cli/program/ending.js'
import { runCommandLine } from '../../dist/cli/run.js'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface CommandSurroundings {
  readonly env?: Readonly<Record<string, string>>
  /** Standard input is a file with this text; what is typed, when it is a terminal. Default: an empty file. */
  readonly input?: string
  /** All three streams are a terminal of this width. Default: none is a terminal. */
  readonly columns?: number
  /** Sends the signal to the command when the output fits. */
  readonly interrupt?: { readonly when: RegExp; readonly signal: 'SIGINT' | 'SIGTERM' }
}

/** Runs a command line in this process, as `dist/cli/main.js` does in one of its own. */
export async function runCommand(
  args: readonly string[],
  { env = {}, input, columns, interrupt }: CommandSurroundings = {},
): Promise<Ran> {
  const ending = new AbortController()
  const isTTY = columns !== undefined
  const seen = { out: '', err: '' }
  const output = (key: 'out' | 'err') => {
    const stream = new Writable({
      write(chunk: Buffer, _, done) {
        seen[key] += String(chunk)
        if (interrupt?.when.test(seen[key])) ending.abort(new Interrupted(interrupt.signal))
        done()
      },
    })
    return Object.assign(stream, isTTY ? { isTTY, columns, rows: 24 } : {})
  }
  const stdin = Object.assign(new PassThrough(), isTTY ? { isTTY } : {})
  if (input === undefined && !isTTY) stdin.end()
  else if (input !== undefined) {
    stdin.write(input)
    if (!isTTY) stdin.end()
  }
  const terminal = { stdin, stdout: output('out'), stderr: output('err'), env }
  const code = await runCommandLine(args, terminal, ending.signal)
  return { code, ...seen }
}
