/** Ticks at `anchor + k × every`, in milliseconds. They count real time: no zone, no summer time. */
export class Interval {
  readonly #everyMs: number
  readonly #firstMs: number

  constructor(everyMs: number, firstMs: number) {
    this.#everyMs = everyMs
    this.#firstMs = firstMs
  }

  /** The first tick after an instant. */
  next(after: Date): Date {
    const passed = Math.floor((after.getTime() - this.#firstMs) / this.#everyMs)
    return this.#tick(Math.max(0, passed + 1))
  }

  /** The newest `count` ticks after `after` and up to and including `at`, oldest first. */
  latest(count: number, at: Date, after: number): Date[] {
    const last = Math.floor((at.getTime() - this.#firstMs) / this.#everyMs)
    const found = []
    const first = Math.max(
      0,
      last - count + 1,
      Math.floor((after - this.#firstMs) / this.#everyMs) + 1,
    )
    for (let k = first; k <= last; k++) found.push(this.#tick(k))
    return found
  }

  /** How many ticks are at or after `from` and before `to`, counted to `max`. */
  count(from: Date, to: Date, max: number): number {
    const upTo = (at: Date) =>
      Math.max(0, Math.ceil((at.getTime() - this.#firstMs) / this.#everyMs))
    return Math.min(max, Math.max(0, upTo(to) - upTo(from)))
  }

  #tick(k: number): Date {
    return new Date(this.#firstMs + k * this.#everyMs)
  }
}
