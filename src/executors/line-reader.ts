/** A line of output is passed on in pieces of this many characters. */
export const MAX_OUTPUT_CHARS = 8_192

/**
 * Cuts output that comes in pieces into lines. A line of more than `maxChars` is passed on in pieces,
 * since code that prints without end must not fill the memory of its reader.
 */
export class LineReader {
  /** What came after the last line feed. */
  #begun = ''
  readonly #onLine: (line: string, isPiece: boolean) => void
  readonly #maxChars: number

  constructor(onLine: (line: string, isPiece: boolean) => void, maxChars: number) {
    this.#onLine = onLine
    this.#maxChars = maxChars
  }

  push(text: string): void {
    let from = 0
    let end = text.indexOf('\n')
    if (end >= 0 && this.#begun !== '') {
      const line = this.#begun + text.slice(0, end)
      this.#begun = ''
      from = end + 1
      this.#pass(line)
      end = text.indexOf('\n', from)
    }
    for (; end >= 0; end = text.indexOf('\n', from)) {
      const line = text.slice(from, end)
      from = end + 1
      this.#pass(line)
    }
    if (from === text.length) return
    this.#begun += from === 0 ? text : text.slice(from)
    if (this.#begun.length > this.#maxChars) this.#begun = this.#cut(this.#begun)
  }

  /** Passes on what came after the last line feed. */
  end(): void {
    const line = this.#begun
    this.#begun = ''
    if (line !== '') this.#pass(line)
  }

  #pass(line: string): void {
    if (line.length <= this.#maxChars) this.#onLine(line, false)
    else this.#onLine(this.#cut(line), true)
  }

  /** Passes on all pieces but the last, and returns that. */
  #cut(line: string): string {
    let from = 0
    for (; line.length - from > this.#maxChars; from += this.#maxChars) {
      this.#onLine(line.slice(from, from + this.#maxChars), true)
    }
    return line.slice(from)
  }
}
