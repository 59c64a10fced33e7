/**
 * How many attempts may run concurrently in a child. A job that blocks the loop keeps those beside it
 * from beginning, so others are sent only after the loop has turned, and then twice as many as run:
 * the child answers each line that sets its width, and the answer shows that its loop turns.
 */
export class ChildWidth {
  #current = 1
  #most = 1
  /** The loop has turned since the last attempt began. */
  #hasTurned = false
  #unanswered = 0

  /** As it was set last. */
  get current(): number {
    return this.#current
  }

  /** The highest since the child was idle. */
  get most(): number {
    return this.#most
  }

  /** Attempts that can run concurrently, as far as is known. */
  slots(begun: number, width: number): number {
    if (begun === 0) return 1
    return Math.min(width, this.#hasTurned ? 2 * begun : begun)
  }

  /** Returns whether a line has to be sent to the child. */
  set(width: number, isIdle: boolean): boolean {
    if (isIdle) this.#most = width
    if (this.#current === width) return false
    this.#current = width
    this.#most = Math.max(this.#most, width)
    this.#unanswered++
    return true
  }

  /** An attempt has begun. Returns whether a line has to be sent, to see whether the loop turns. */
  begun(count: number): boolean {
    this.#hasTurned = false
    return count < this.#current && this.#probe()
  }

  /** Nothing has come from the child for long. Returns the same as `begun`. */
  stalled(): boolean {
    this.#hasTurned = false
    return this.#probe()
  }

  /** The child has answered. Returns false when no line was unanswered. */
  answered(): boolean {
    if (this.#unanswered === 0) return false
    this.#unanswered--
    if (this.#unanswered === 0) this.#hasTurned = true
    return true
  }

  #probe(): boolean {
    if (this.#unanswered > 0) return false
    this.#unanswered++
    return true
  }
}
