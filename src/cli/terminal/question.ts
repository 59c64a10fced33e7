import { createInterface } from 'node:readline'
import type { Terminal } from './terminal.ts'
import { printable } from './text-width.ts'

/** Whether a question can be asked: both it and the answer need a terminal. */
export function canAsk({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true
}

/** Only `y` or `yes` is a yes; the end of the input is a no, and so is Ctrl+C, for which `interrupted` is called. */
export function ask(
  { stdin, stderr }: Terminal,
  question: string,
  interrupted: () => void,
): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: true })
  return new Promise((resolve) => {
    lines.once('SIGINT', () => {
      lines.close()
      interrupted()
    })
    lines.once('close', () => resolve(false))
    lines.question(`${printable(question)} [y/N] `, (answer) => {
      resolve(/^\s*y(es)?\s*$/i.test(answer))
      lines.close()
    })
  })
}
