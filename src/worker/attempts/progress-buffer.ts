import type { ClaimedJob } from '../../core/claimed-job.ts'
import { plainArray, textArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { isAboutRow } from '../../database/sql-state.ts'
import { saveProgress } from '../../database/statements/jobs.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

interface Entry {
  readonly job: ClaimedJob
  readonly value: string
}

/**
 * Writes the progress of jobs under their fences, at intervals: only the latest value of a job. A value stays
 * here until it is known to be saved, so that an outcome that overtakes it carries it.
 */
export class ProgressBuffer implements PeriodicTask {
  readonly name = 'saving progress'
  readonly every = 500
  readonly #database: Database
  readonly #latest = new Map<string, Entry>()

  constructor(database: Database) {
    this.#database = database
  }

  set(job: ClaimedJob, value: string): void {
    this.#latest.set(job.id, { job, value })
  }

  /** The last value of an attempt that ended, for its outcome to carry. */
  take(job: ClaimedJob): string | undefined {
    if (this.#latest.size === 0) return undefined
    const entry = this.#latest.get(job.id)
    if (entry === undefined || entry.job.fence !== job.fence) return undefined
    this.#latest.delete(job.id)
    return entry.value
  }

  async pass(): Promise<undefined> {
    const entries = [...this.#latest.values()]
    for (const workerId of new Set(entries.map(({ job }) => job.workerId))) {
      await this.#save(
        workerId,
        entries.filter(({ job }) => job.workerId === workerId),
      )
    }
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
      // Kept for the next pass, or for the outcome, except for values that are never accepted.
      if (isAboutRow(error)) this.#forget(entries)
      throw error
    }
    this.#forget(entries)
  }

  /** Except for values that were set since, or that an outcome carries. */
  #forget(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#latest.get(entry.job.id) === entry) this.#latest.delete(entry.job.id)
    }
  }
}
