/** Nothing that is claimed waits longer than about this before it starts, in milliseconds. */
const READ_AHEAD_MS = 50
/** The most jobs that wait in a worker, however short they are. */
const MAX_READ_AHEAD = 3_000
/** The rate is measured over this long at least. */
const WINDOW_MS = 20
/** How much the latest window counts. */
const WEIGHT = 0.5

/**
 * How many jobs beyond the free slots are worth claiming: as many as end in 50 ms at the measured
 * rate. Jobs that take longer than that themselves get none, so that a job never waits in one worker
 * while another is idle.
 */
export class ReadAhead {
  #perMs = 0
  #meanMs = Number.POSITIVE_INFINITY
  #since = 0
  #ended = 0
  #spentMs = 0
  /** Since when no slot is held, or null. */
  #idleSince: number | null = null

  /** One attempt ended after holding its slot this long. Times are monotonic milliseconds. */
  ended(nowMs: number, heldMs: number): void {
    if (this.#idleSince !== null) {
      this.#since += Math.max(0, nowMs - heldMs - this.#idleSince)
      this.#idleSince = null
    }
    this.#ended++
    this.#spentMs += heldMs
    // Jobs have become slow: what was learned from short ones would hoard them.
    if (heldMs > READ_AHEAD_MS && this.#meanMs <= READ_AHEAD_MS) {
      this.#learn(Math.max(WINDOW_MS, nowMs - this.#since))
      this.#meanMs = heldMs
      this.#begin(nowMs)
      return
    }
    const passedMs = nowMs - this.#since
    if (passedMs < WINDOW_MS) return
    this.#learn(passedMs)
    this.#begin(nowMs)
  }

  /**
   * No slot is held from now on. What passes until the next one is no measure: short jobs that end
   * sooner than the next claim is answered would count as rare ones, and be claimed by the few.
   */
  idle(nowMs: number): void {
    this.#idleSince = nowMs
    // Something to begin with, on the low side.
    const isFirst = this.#meanMs === Number.POSITIVE_INFINITY && this.#ended > 0
    if (isFirst) this.#learn(Math.max(WINDOW_MS, nowMs - this.#since))
    if (isFirst || this.#ended === 0) this.#begin(nowMs)
  }

  /** What was claimed ahead did not come to start: nothing is, until jobs end again. */
  stuck(): void {
    this.#meanMs = Number.POSITIVE_INFINITY
  }

  get jobs(): number {
    if (this.#meanMs > READ_AHEAD_MS) return 0
    return Math.min(MAX_READ_AHEAD, Math.floor(this.#perMs * READ_AHEAD_MS))
  }

  #begin(nowMs: number): void {
    this.#since = nowMs
    this.#ended = 0
    this.#spentMs = 0
  }

  #learn(passedMs: number): void {
    const perMs = this.#ended / passedMs
    const meanMs = this.#spentMs / this.#ended
    const isFirst = this.#meanMs === Number.POSITIVE_INFINITY
    this.#perMs = isFirst ? perMs : this.#perMs + WEIGHT * (perMs - this.#perMs)
    this.#meanMs = isFirst ? meanMs : this.#meanMs + WEIGHT * (meanMs - this.#meanMs)
  }
}
