import { callEvery, systemClock } from '../core/clock.ts'

/** How often the loop is measured, in milliseconds. */
const EVERY_MS = 500
/** The largest delay of the last one to two of these counts, in milliseconds. */
const WINDOW_MS = 5_000

/**
 * Measures how late the event loop runs its timers: the longest delay of the last five to ten seconds. A timer costs
 * less than a histogram of perf_hooks, and is there in every runtime.
 */
export class LoopLag {
  #dueAt = 0
  #windowEndsAt = 0
  #presentMs = 0
  #formerMs = 0
  #end: (() => void) | null = null

  start(): void {
    if (this.#end !== null) return
    const now = systemClock.monotonic()
    this.#dueAt = now + EVERY_MS
    this.#windowEndsAt = now + WINDOW_MS
    this.#end = callEvery(systemClock, EVERY_MS, () => this.#tick(), 'lets-process-end')
  }

  stop(): void {
    this.#end?.()
    this.#end = null
  }

  /** Whole milliseconds. A delay that has not ended counts as well. */
  get ms(): number {
    if (this.#end === null) return 0
    const lateMs = systemClock.monotonic() - this.#dueAt
    return Math.round(Math.max(this.#formerMs, this.#presentMs, lateMs, 0))
  }

  #tick(): void {
    const now = systemClock.monotonic()
    this.#presentMs = Math.max(this.#presentMs, now - this.#dueAt)
    this.#dueAt = now + EVERY_MS
    if (now < this.#windowEndsAt) return
    this.#formerMs = this.#presentMs
    this.#presentMs = 0
    this.#windowEndsAt = now + WINDOW_MS
  }
}
