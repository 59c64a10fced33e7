import { columnsOf, rowsOf, type TerminalOutput } from './terminal.ts'
import { textWidth } from './text-width.ts'

const COLOURS = /\x1b\[[\d;]*m/g

/** A text that is drawn again in its place, cut to the height of the terminal; below it everything stays. */
export class Screen {
  readonly #output: TerminalOutput
  #lines = 0

  constructor(output: TerminalOutput) {
    this.#output = output
  }

  draw(text: string): void {
    const lines = this.#cut(text.trimEnd().split('\n'))
    const up = this.#lines === 0 ? '\x1b[?25l' : `\x1b[${this.#lines}A`
    this.#output.write(`${up}\r\x1b[J${lines.join('\n')}\n`)
    const columns = columnsOf(this.#output) ?? Number.POSITIVE_INFINITY
    // A line that wrapped takes several.
    this.#lines = lines.reduce((sum, line) => {
      const width = textWidth(line.replaceAll(COLOURS, ''))
      return sum + Math.max(1, Math.ceil(width / columns))
    }, 0)
  }

  /** Shows the cursor again, below what was drawn last. */
  end(): void {
    if (this.#lines > 0) this.#output.write('\x1b[?25h')
    this.#lines = 0
  }

  #cut(lines: readonly string[]): readonly string[] {
    const height = Math.max(2, rowsOf(this.#output) - 1)
    if (lines.length <= height) return lines
    const left = lines.length - height + 1
    return [...lines.slice(0, height - 1), `… ${left} more ${left === 1 ? 'line' : 'lines'}`]
  }
}
