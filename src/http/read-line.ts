import { type Clock, callAfter } from '../core/clock.ts'
import { ChancyError } from '../core/errors.ts'

export interface ReadLineOptions {
  readonly clock: Clock
  /** How many run concurrently. */
  readonly width: number
  /** How many wait. */
  readonly length: number
  /** How long one waits, in milliseconds. */
  readonly waitMs: number
}

/** Lets so much work run concurrently, and so much more wait, in order. */
export class ReadLine {
  readonly #options: ReadLineOptions
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: ReadLineOptions) {
    this.#options = options
  }

  /** Runs work when its turn comes. @throws {ChancyError} `BUSY` when that takes too long */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.width) await this.#turn()
    else this.#running++
    try {
      return await work()
    } finally {
      // The place passes to the first that waits.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  #turn(): Promise<void> {
    const { clock, length, waitMs } = this.#options
    if (this.#waiting.length >= length) throw busy()
    return new Promise((resolve, reject) => {
      const cancel = callAfter(clock, waitMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1)
        reject(busy())
      })
      const begin = (): void => {
        cancel()
        resolve()
      }
      this.#waiting.push(begin)
    })
  }
}

function busy(): ChancyError {
  return new ChancyError(
    'BUSY',
    'Too many reads are under way in this process. Try again in a second.',
    { details: { retryAfterSeconds: 1 } },
  )
}
