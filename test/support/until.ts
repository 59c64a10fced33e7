import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  /** How long to wait, in milliseconds. Default: 10 seconds. */
  readonly timeoutMs?: number
  /** How often to look, in milliseconds. Default: 25. */
  readonly everyMs?: number
  /** What is waited for, as it stands after "waited for". */
  readonly what?: string
}

/**
 * Waits until `look` gives something other than false, null or undefined, and gives that back. For
 * what other processes do; inside of one process a test waits for an event.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 25, what = String(look) }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== false && found !== null && found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(everyMs)
  }
}
