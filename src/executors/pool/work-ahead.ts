/** Work is kept ready for this long, in milliseconds, and for nothing longer than `LONG_MS`. */
const READY_MS = 8
const LONG_MS = 50
const MAX_AHEAD = 256
/** The share of the latest job in what is taken for the length of the next. */
const WEIGHT = 0.2

/** How many attempts a child can use beyond those that run, so that it never waits for the next. */
export class WorkAhead {
  #meanMs: number | null = null

  attempts(width: number): number {
    if (this.#meanMs === null || this.#meanMs > LONG_MS) return 0
    return Math.min(MAX_AHEAD, Math.ceil((READY_MS * width) / Math.max(this.#meanMs, 0.001)))
  }

  ended(wallMs: number): void {
    this.#meanMs = this.#meanMs === null ? wallMs : this.#meanMs * (1 - WEIGHT) + wallMs * WEIGHT
  }

  /** What runs has taken this long until now. */
  lasts(ms: number): void {
    this.#meanMs = Math.max(this.#meanMs ?? 0, ms)
  }

  /** Jobs of another kind follow. */
  forget(): void {
    this.#meanMs = null
  }
}
