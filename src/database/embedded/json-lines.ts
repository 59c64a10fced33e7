import { createInterface } from 'node:readline'

/** Hands over each line of a stream as the value it holds. What breaks the stream ends it in silence. */
export function readJsonLines<T>(
  input: NodeJS.ReadableStream,
  take: (value: T) => void | Promise<void>,
): void {
  const lines = createInterface({ input })
  // An error of the stream comes out here once more, beside the stream's own listeners.
  lines.on('error', () => {})
  lines.on('line', (line) => void take(JSON.parse(line)))
}

/** The line that `readJsonLines` reads back. */
export const toJsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`
