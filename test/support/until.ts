import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  /** How long to wait, in milliseconds. Default: 30 seconds. */
  readonly timeoutMs?: number
  /** How often to poll, in milliseconds. Default: 25. */
  readonly everyMs?: number
  /** What is waited for, as it stands after "waited for". */
  readonly what?: string
}

/**
 * Waits until `poll` returns something other than false, null or undefined, and returns that. For
 * what other processes do; inside of one process a test waits for an event.
 */
export async function until<T>(
  poll: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 25, what = String(poll) }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await poll()
    if (found !== false && found !== null && found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(everyMs)
  }
}
