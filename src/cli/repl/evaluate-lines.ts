import type { EventEmitter } from 'node:events'
import { createInterface } from 'node:readline'
import { Recoverable, start } from 'node:repl'
import { PassThrough, type Readable, Writable } from 'node:stream'

export interface LineOptions {
  /** What the lines know. */
  readonly values: Readonly<Record<string, unknown>>
  /** Is called with the value of each statement that has one. */
  onValue(value: unknown): void
}

/**
 * Evaluates the lines of a pipe as the prompt would, each when the one before has its value. A prompt itself reads on
 * while it awaits.
 *
 * @throws the first error, after which nothing more is evaluated
 */
export async function evaluateLines(input: Readable, { values, onValue }: LineOptions) {
  const output = new Writable({ write: (_, __, done) => done() })
  const server = start({ input: new PassThrough(), output, terminal: false, useGlobal: true })
  Object.assign(server.context, values)
  // Before Node 25 what an awaited statement throws goes to the domain of the prompt, and not to the callback.
  const { _domain: domain } = server as { readonly _domain?: EventEmitter }
  const evaluate = (text: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      domain?.prependOnceListener('error', reject)
      server.eval(text, server.context, 'repl', (error, value) => {
        domain?.off('error', reject)
        if (error === null) resolve(value)
        else reject(error)
      })
    })
  try {
    let text = ''
    let open: Error | null = null
    for await (const line of createInterface({ input })) {
      text += `${line}\n`
      if (text.trim() === '') continue
      try {
        open = null
        const value = await evaluate(text)
        if (value !== undefined) onValue(value)
        text = ''
      } catch (error) {
        // A statement of several lines is evaluated with the next one again.
        if (!(error instanceof Recoverable)) throw error
        open = error.err
      }
    }
    if (open !== null) throw open
  } finally {
    server.close()
  }
}
