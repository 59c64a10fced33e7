import type { Clock } from '../core/clock.ts'
import { newId } from '../core/id.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import { retrying } from '../database/retry.ts'
import { registerWorker, removeWorker } from '../database/statements/workers.ts'
import { LeaseClock, type LeaseTimes, now } from './lease-clock.ts'
import { answerDeadlineMs } from './patience.ts'

export interface TenureOptions extends LeaseTimes {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly label: string | null
  /** The tags of a worker with this id. */
  readonly tagsOf: (workerId: string) => readonly string[]
  readonly signal: AbortSignal
}

/**
 * Under which id this worker works, and whether it may claim. The id is new at every start and after
 * a lost lease, so that nothing of an earlier life can be taken for this one's.
 */
export class Tenure {
  readonly lease = new LeaseClock()
  readonly #options: TenureOptions
  #id: string
  #names = '[]'

  constructor(options: TenureOptions) {
    this.#options = options
    this.#id = newId(options.clock.now())
  }

  get id(): string {
    return this.#id
  }

  /** Whether the lease surely holds now. */
  get isTrusted(): boolean {
    return this.lease.isTrusted()
  }

  /** The functions that this worker knows, for people who ask why a job waits. */
  set names(names: readonly string[]) {
    this.#names = JSON.stringify(names)
  }

  /** Takes a lease; a server that is away is waited for. Registering is the first renewal. */
  async begin(): Promise<void> {
    const { database, leaseMs, label, tagsOf, clock, signal } = this.#options
    const options = { deadlineMs: answerDeadlineMs(leaseMs) }
    await retrying(
      async () => {
        const { term } = this.lease
        const requestedAt = now()
        const tags = JSON.stringify(tagsOf(this.#id))
        await database.run(registerWorker, [this.#id, label, tags, leaseMs, this.#names], options)
        this.lease.renewed(term, requestedAt, this.#options)
      },
      { clock, signal, deadlineMs: Number.POSITIVE_INFINITY, idempotent: true },
    )
  }

  /** The lease is gone: nothing is trusted, and what follows is done under another id. */
  lose(): void {
    this.lease.nextTerm()
    this.#id = newId(this.#options.clock.now())
  }

  /** Gives the lease back, within `deadlineMs`. */
  async end(deadlineMs: number): Promise<void> {
    const { database, log } = this.#options
    this.lease.nextTerm()
    try {
      await database.run(removeWorker, [this.#id], { deadlineMs })
    } catch (error) {
      log.warn({ err: error }, 'the row of this worker stays until its lease has run out')
    }
  }
}
