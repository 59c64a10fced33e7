import { jittered } from './loop.ts'

/** After this part of its polling interval somebody else may look for a runner. */
const DUE = 0.4

/**
 * The rest of one queue's runner: from a look that found nothing to the next look of its own. When
 * somebody else sees meanwhile that there is still nothing, it goes on. Times are monotonic
 * milliseconds.
 */
export class Rest {
  /** When it was seen last that nothing is there, or null: no rest. */
  #seenAt: number | null = null
  #quietUntil = 0

  /** The whole line was looked at, and nothing was there. */
  begin(nowMs: number): void {
    this.#seenAt = nowMs
    this.#quietUntil = 0
  }

  end(): void {
    this.#seenAt = null
  }

  /** Somebody else saw at that time that nothing is there. */
  seenEmpty(atMs: number, pollMs: number): void {
    // What was seen before the last look of its own is old.
    if (this.#seenAt === null || atMs < this.#seenAt) return
    this.#seenAt = atMs
    this.#quietUntil = atMs + jittered(pollMs)
  }

  /** How long no look is needed, in milliseconds. */
  quietMs(nowMs: number): number {
    return this.#seenAt === null ? 0 : Math.max(0, this.#quietUntil - nowMs)
  }

  isDue(nowMs: number, pollMs: number): boolean {
    return this.#seenAt !== null && nowMs - this.#seenAt > pollMs * DUE
  }
}
