import type { Clock } from '../core/clock.ts'

const REST = 4

export interface PaceOptions {
  readonly clock: Clock
  /** Ends a pause. */
  readonly signal: AbortSignal
  /** How long a pause is, in times of the step before it. Default: 4, which slows jobs beside it by a tenth at most. */
  readonly rest?: number
}

/**
 * Paces work in the background: a pause in proportion to its time follows each step, so that such work takes a part
 * of what the machine has, and a smaller one the busier it is.
 */
export class Pace {
  readonly #options: PaceOptions
  #busyMs = 0

  constructor(options: PaceOptions) {
    this.#options = options
  }

  /** How long all steps took, without the pauses, in milliseconds. */
  get busyMs(): number {
    return this.#busyMs
  }

  /** Does a step, and pauses after it, also when it fails. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    const { clock, signal, rest = REST } = this.#options
    const startedAt = clock.monotonic()
    try {
      return await work()
    } finally {
      const tookMs = clock.monotonic() - startedAt
      this.#busyMs += tookMs
      await clock.sleep(tookMs * rest, signal)
    }
  }
}
