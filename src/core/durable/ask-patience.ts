import { callAfter, systemClock } from '../clock.ts'

/** How long the code of a durable job has to ask for the next record. In real time, whatever a test says: the code lives in it. */
export class AskPatience {
  readonly #ms: number
  readonly #onOver: () => void
  #cancel: (() => void) | null = null

  constructor(ms: number, onOver: () => void) {
    this.#ms = ms
    this.#onOver = onOver
  }

  begin(): void {
    this.#cancel ??= callAfter(systemClock, this.#ms, () => {
      this.#cancel = null
      this.#onOver()
    })
  }

  end(): void {
    this.#cancel?.()
    this.#cancel = null
  }
}
