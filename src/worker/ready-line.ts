/** What was claimed and not started, in the order it is to start. */
export class ReadyLine<Item> {
  #items: Item[] = []
  #next = 0

  get length(): number {
    return this.#items.length - this.#next
  }

  add(items: readonly Item[]): void {
    // Those that were taken are let go of here, not one by one.
    if (this.#next > 0) {
      this.#items = this.#items.slice(this.#next)
      this.#next = 0
    }
    for (const item of items) this.#items.push(item)
  }

  /** The first one. There must be one. */
  take(): Item {
    return this.#items[this.#next++] as Item
  }

  takeAll(): Item[] {
    const taken = this.#items.slice(this.#next)
    this.#items = []
    this.#next = 0
    return taken
  }
}
