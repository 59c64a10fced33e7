import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { newId } from '../../core/reference.ts'
import type { Database } from '../../database/database.ts'
import { loggedError } from '../../database/logged-error.ts'
import { retrying } from '../../database/retry.ts'
import { registerWorker, removeWorker } from '../../database/statements/workers.ts'
import { answerDeadlineMs } from '../patience.ts'
import { LeaseState, type LeaseTimes } from './lease-state.ts'

/** What `doctor` compares between workers: schedules go by the zone data of the worker that computes them. */
const ENVIRONMENT = {
  node: process.versions.node,
  tz: process.versions.tz,
  icu: process.versions.icu,
}

export interface WorkerLeaseOptions extends LeaseTimes {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly label: string | null
  readonly version: string | null
  /** The tags of a worker with this id. */
  readonly tagsOf: (workerId: string) => readonly string[]
  readonly signal: AbortSignal
}

/**
 * The id of a worker and its lease: while the lease is trusted, the worker may claim. The id is new at every
 * start and after a lost lease, so that no row of an earlier lease can be taken for one of this.
 */
export class WorkerLease {
  readonly state: LeaseState
  readonly #options: WorkerLeaseOptions
  #id: string
  #names = '[]'

  constructor(options: WorkerLeaseOptions) {
    this.#options = options
    this.state = new LeaseState(options.clock)
    this.#id = newId(options.clock.now())
  }

  get id(): string {
    return this.#id
  }

  /** Whether the lease certainly holds now. */
  get isTrusted(): boolean {
    return this.state.isTrusted()
  }

  /** The functions that this worker knows, for people who ask why a job waits. */
  set names(names: readonly string[]) {
    this.#names = JSON.stringify(names)
  }

  /** Acquires a lease under the present id, however long the server is away. It counts as the first renewal. */
  async acquire(): Promise<void> {
    const { database, leaseMs, label, version, tagsOf, clock, signal } = this.#options
    const options = { deadlineMs: answerDeadlineMs(leaseMs) }
    await retrying(
      async () => {
        const { term } = this.state
        const requestedAt = this.state.now()
        const tags = JSON.stringify(tagsOf(this.#id))
        const environment = JSON.stringify({ ...ENVIRONMENT, clockMs: clock.now() })
        const values = [this.#id, label, tags, leaseMs, this.#names, environment, version] as const
        await database.run(registerWorker, values, options)
        this.state.renewed(term, requestedAt, this.#options)
      },
      { clock, signal, deadlineMs: Number.POSITIVE_INFINITY, idempotent: true },
    )
  }

  /** The lease is lost: it is not trusted any more, and the next one is acquired under a new id. */
  forfeit(): void {
    this.state.nextTerm()
    this.#id = newId(this.#options.clock.now())
  }

  /** Deletes the row of this worker, within `deadlineMs`. */
  async release(deadlineMs: number): Promise<void> {
    const { database, log } = this.#options
    this.state.nextTerm()
    try {
      await database.run(removeWorker, [this.#id], { deadlineMs })
    } catch (error) {
      log.warn(loggedError(error), 'the row of this worker stays until its lease has expired')
    }
  }
}
