import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { isAboutRow } from '../database/sql-state.ts'
import { saveProgress } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import { Loop } from './loop.ts'
import type { Service } from './service.ts'

/** How often progress is written, in milliseconds. Only the latest value of a job is kept. */
const INTERVAL_MS = 500

interface Entry {
  readonly job: ClaimedJob
  readonly value: string
}

/**
 * Writes what jobs tell of their progress, under their fences, now and then. A value stays here until
 * it is known to be saved, so that an outcome that overtakes it takes it along.
 */
export class ProgressBuffer implements Service {
  readonly #database: Database
  readonly #loop: Loop
  readonly #latest = new Map<string, Entry>()

  constructor(database: Database, hub: Hub, clock: Clock) {
    this.#database = database
    this.#loop = new Loop({
      clock,
      pass: () => this.#flush(),
      onError: (error) => hub.emit('database.troubled', { what: 'saving progress', error }),
    })
  }

  set(job: ClaimedJob, value: string): void {
    this.#latest.set(job.id, { job, value })
  }

  /** The last value of an attempt that ended: it goes with the outcome. */
  take(job: ClaimedJob): string | undefined {
    if (this.#latest.size === 0) return undefined
    const entry = this.#latest.get(job.id)
    if (entry === undefined || entry.job.fence !== job.fence) return undefined
    this.#latest.delete(job.id)
    return entry.value
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #flush(): Promise<number> {
    const entries = [...this.#latest.values()]
    for (const workerId of new Set(entries.map(({ job }) => job.workerId))) {
      await this.#save(
        workerId,
        entries.filter(({ job }) => job.workerId === workerId),
      )
    }
    return INTERVAL_MS
  }

  async #save(workerId: string, entries: readonly Entry[]): Promise<void> {
    try {
      await this.#database.run(saveProgress, [
        workerId,
        plainArray(entries.map(({ job }) => job.id)),
        plainArray(entries.map(({ job }) => job.fence)),
        textArray(entries.map(({ value }) => value)),
      ])
    } catch (error) {
      // Kept for the next round, or for the outcome, except for values that are never taken.
      if (isAboutRow(error)) this.#forget(entries)
      throw error
    }
    this.#forget(entries)
  }

  /** But for what was told since, or has gone with an outcome. */
  #forget(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#latest.get(entry.job.id) === entry) this.#latest.delete(entry.job.id)
    }
  }
}
