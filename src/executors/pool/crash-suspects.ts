/** How many are remembered. */
const MAX_SUSPECTS = 1_000

/** Jobs that ran when a child died together with others: the next time they run alone. */
export class CrashSuspects {
  readonly #ids = new Set<string>()

  add(id: string): void {
    this.#ids.add(id)
    if (this.#ids.size <= MAX_SUSPECTS) return
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest)
      return
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }
}
