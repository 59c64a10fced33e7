import type { Clock } from '../../core/clock.ts'
import { textArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { findReadyQueues } from '../../database/statements/queues.ts'
import type { PeriodicTask } from '../../services/periodic.ts'
import type { QueueRunners } from './queue-runners.ts'
import type { Dueness } from './runner-state.ts'

export interface IdleQueuePollerOptions {
  readonly database: Database
  readonly clock: Clock
  readonly runners: QueueRunners
  /** Names of the functions that this worker knows. */
  readonly names: readonly string[]
}

/** Fewer idle queues than this poll by themselves. */
const MIN_QUEUES = 8
/** Queues of one statement. */
const BATCH = 1_000

/** The queues of the next scan: those that are due, with those that are near to it, or none. */
export function scannedTogether(queues: readonly (readonly [string, Dueness])[]): string[] {
  if (!queues.some(([, dueness]) => dueness === 'due')) return []
  const near = queues.flatMap(([queue, dueness]) => (dueness === 'early' ? [] : [queue]))
  return near.length < MIN_QUEUES ? [] : near
}

/**
 * Polls idle queues in batches, for their runners. A runner that polls by itself needs a statement for its
 * queue: a worker of ten thousand queues would do little else. Where this fails, they still do.
 */
export class IdleQueuePoller implements PeriodicTask {
  readonly name = 'polling idle queues'
  readonly every = '1s'
  readonly isJittered = true
  readonly #options: IdleQueuePollerOptions
  readonly #names: string

  constructor(options: IdleQueuePollerOptions) {
    this.#options = options
    this.#names = textArray(options.names)
  }

  async pass(signal: AbortSignal): Promise<undefined> {
    const { clock, runners } = this.#options
    const due = scannedTogether(runners.dueness(clock.monotonic()))
    for (let from = 0; from < due.length && !signal.aborted; from += BATCH) {
      await this.#poll(due.slice(from, from + BATCH))
    }
  }

  async #poll(queues: readonly string[]): Promise<void> {
    const { clock, database, runners } = this.#options
    const sentAt = clock.monotonic()
    const rows = await database.run(findReadyQueues, [textArray(queues), this.#names])
    const ready = new Set(rows.map(({ queue }) => queue))
    for (const queue of queues) {
      if (ready.has(queue)) runners.wake(queue)
      else runners.seenEmpty(queue, sentAt)
    }
  }
}
