import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../database/database.ts'
import { cancellingJobs } from '../../database/statements/workers.ts'
import type { Hub } from '../../events/hub.ts'
import type { RunningAttempts } from './claim-ledger.ts'

export interface CancelWatchOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  readonly running: RunningAttempts
}

/** The shortest time between two reads, in milliseconds: hints that arrive meanwhile share the next one. */
const SPACING_MS = 50

/**
 * Stops jobs whose rows say that they are to be cancelled. A notification alone stops nothing: any
 * login role can send one. One that is missed is found by the next renewal of the lease.
 */
export class CancelWatch {
  readonly #options: CancelWatchOptions
  #isPending = false
  #reading: Promise<void> | null = null

  constructor(options: CancelWatchOptions) {
    this.#options = options
  }

  /** The job may have been asked to stop. */
  hint(id: string): void {
    if (!this.#options.running.mayStop(id)) return
    this.#isPending = true
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
  }

  async #read(): Promise<void> {
    const { database, hub, clock, workerId } = this.#options
    while (this.#isPending) {
      this.#isPending = false
      try {
        const [row] = await database.run(cancellingJobs, [workerId()])
        if (row?.cancelling != null) this.found(row.cancelling.split(','))
      } catch (error) {
        hub.emit('database.error', { what: 'reading jobs to cancel', error })
      }
      await clock.sleep(SPACING_MS)
    }
  }

  /** Rows of this worker say that these jobs are to be cancelled. */
  found(ids: readonly string[]): void {
    const { hub, running } = this.#options
    for (const id of ids) if (running.ask(id, 'cancelled')) hub.emit('job.cancelled', { id })
  }
}
