/**
 * How many attempts may run at once in a child. A job that blocks the loop keeps those beside it from
 * beginning, so others come only after the loop has turned, and then twice as many as run: the child
 * answers when it is told its width, and by that answer its loop is known to turn.
 */
export class ChildWidth {
  /** As it was told last, and the most since it was idle. */
  #told = 1
  #most = 1
  /** Whether its loop has turned since the last attempt began. */
  #hasTurned = false
  /** Answers that have not come. */
  #asked = 0

  get told(): number {
    return this.#told
  }

  get most(): number {
    return this.#most
  }

  /** Attempts that can run at once, as far as is known. */
  slots(begun: number, width: number): number {
    if (begun === 0) return 1
    return Math.min(width, this.#hasTurned ? 2 * begun : begun)
  }

  /** Whether the child has to be told. */
  set(width: number, isIdle: boolean): boolean {
    if (isIdle) this.#most = width
    if (this.#told === width) return false
    this.#told = width
    this.#most = Math.max(this.#most, width)
    this.#asked++
    return true
  }

  /** An attempt has begun. Whether the child is to be asked, that is told again, if it turns. */
  begun(count: number): boolean {
    this.#hasTurned = false
    return count < this.#told && this.#ask()
  }

  /** Nothing has come for long: the same. */
  stalled(): boolean {
    this.#hasTurned = false
    return this.#ask()
  }

  /** False: it was not asked. */
  answered(): boolean {
    if (this.#asked === 0) return false
    this.#asked--
    if (this.#asked === 0) this.#hasTurned = true
    return true
  }

  #ask(): boolean {
    if (this.#asked > 0) return false
    this.#asked++
    return true
  }
}
