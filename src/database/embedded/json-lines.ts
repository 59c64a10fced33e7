/** Is called with what a stream of JSON lines holds. */
export interface JsonLineReader<T> {
  take(value: T): void | Promise<void>
  /** Something other than JSON came, or a line longer than any message. Is called once; nothing is read afterwards. */
  refuse(): void
}

/** Longer than any line that the two sides write. */
const MAX_LINE_CHARS = 64 * 1024

/**
 * Passes on each line of a stream as the value it holds. What the other side sends cannot throw here, and
 * cannot make this process buffer more than one line.
 */
export function readJsonLines<T extends object>(
  input: NodeJS.ReadableStream,
  reader: JsonLineReader<T>,
): void {
  let begun = ''
  input.setEncoding('utf8')
  input.on('error', () => {})
  input.on('data', onText)

  function onText(text: string | Buffer): void {
    const [first = '', ...more] = String(text).split('\n')
    const lines = [begun + first, ...more]
    begun = lines.pop() ?? ''
    for (const line of lines) {
      const value = parse<T>(line)
      if (value === null) {
        refuse()
        return
      }
      void reader.take(value)
    }
    if (begun.length > MAX_LINE_CHARS) refuse()
  }
  function refuse(): void {
    input.off('data', onText)
    reader.refuse()
  }
}

/** The line that `readJsonLines` reads back. */
export const toJsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`

/** The value that a line or a file holds, or null. */
export function parse<T extends object>(text: string): T | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? (value as T | null) : null
  } catch {
    return null
  }
}
