import { type Clock, callAfter } from '../clock.ts'

/** What runs of an attempt and holds its slot: steps, and short waits. */
export class SlotWork {
  readonly #clock: Clock
  readonly #onEnded: () => void
  /** What ends the short waits. */
  readonly #timers = new Set<() => void>()
  #running = 0

  constructor(clock: Clock, onEnded: () => void) {
    this.#clock = clock
    this.#onEnded = onEnded
  }

  get isNone(): boolean {
    return this.#running === 0
  }

  began(): void {
    this.#running++
  }

  ended(): void {
    this.#running--
    this.#onEnded()
  }

  later(ms: number, done: () => void): void {
    this.began()
    const cancel = callAfter(this.#clock, ms, () => {
      this.#timers.delete(cancel)
      done()
      this.ended()
    })
    this.#timers.add(cancel)
  }

  /** Ends the short waits. */
  endWaits(): void {
    this.#running -= this.#timers.size
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }
}
