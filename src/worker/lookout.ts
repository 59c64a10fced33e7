import type { Clock } from '../core/clock.ts'
import { textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { findReadyQueues } from '../database/statements/queues.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { QueueRunners } from './queue-runners.ts'
import type { Service } from './service.ts'

export interface LookoutOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly runners: QueueRunners
  /** Names of the functions that this worker knows. */
  readonly names: readonly string[]
}

const INTERVAL_MS = 1_000
/** So few queues at rest look for themselves. */
const FEW = 8
/** Queues of one statement. */
const BATCH = 1_000

/**
 * Looks into the lines of all queues at rest at once. Each of them polls on its own, which is one
 * statement a queue: a worker of ten thousand queues would do little else.
 */
export class Lookout implements Service {
  readonly #options: LookoutOptions
  readonly #names: string
  readonly #loop: Loop

  constructor(options: LookoutOptions) {
    this.#options = options
    this.#names = textArray(options.names)
    this.#loop = new Loop({
      clock: options.clock,
      pass: (signal) => this.#pass(signal),
      // The queues go on to poll by themselves.
      onError: (error) =>
        options.hub.emit('database.troubled', { what: 'looking for ready queues', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(signal: AbortSignal): Promise<number> {
    const { clock, runners } = this.#options
    const due = runners.due(clock.monotonic())
    if (due.length < FEW) return jittered(INTERVAL_MS)
    for (let from = 0; from < due.length && !signal.aborted; from += BATCH) {
      await this.#look(due.slice(from, from + BATCH))
    }
    return jittered(INTERVAL_MS)
  }

  async #look(queues: readonly string[]): Promise<void> {
    const { clock, database, runners } = this.#options
    const askedAt = clock.monotonic()
    const rows = await database.run(findReadyQueues, [textArray(queues), this.#names])
    const ready = new Set(rows.map(({ queue }) => queue))
    for (const queue of queues) {
      if (ready.has(queue)) runners.wake(queue)
      else runners.seenEmpty(queue, askedAt)
    }
  }
}
