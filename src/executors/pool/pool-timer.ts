import { callAfter, systemClock } from '../../core/clock.ts'

/** How often a pool is checked while it has attempts, and while it has none, in milliseconds. */
export const BUSY_MS = 20
export const IDLE_MS = 1_000

/** Repeats the check of a pool, often while the pool is busy. Children live in real time, whatever a test says. */
export class PoolTimer {
  readonly #isBusy: () => boolean
  readonly #onDue: () => void
  #cancel: () => void = () => {}
  #isShort = false
  #isStopped = false

  constructor(isBusy: () => boolean, onDue: () => void) {
    this.#isBusy = isBusy
    this.#onDue = onDue
  }

  /** Counts from now to the next check. */
  restart(): void {
    if (this.#isStopped) return
    this.#cancel()
    const isBusy = this.#isBusy()
    this.#isShort = isBusy
    this.#cancel = callAfter(
      systemClock,
      isBusy ? BUSY_MS : IDLE_MS,
      // After the loop has read what has arrived: after a blocked loop, work that has ended long ago
      // must not count as late.
      () => setImmediate(() => this.#onDue()),
      isBusy ? 'keeps-process' : 'lets-process-end',
    )
  }

  /** The pool may have become busy. */
  hasten(): void {
    if (!this.#isShort && this.#isBusy()) this.restart()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }
}
