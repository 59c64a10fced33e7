import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { classify } from '../database/retry.ts'
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

/** Writes what jobs tell of their progress, under their fences, now and then. */
export class ProgressBuffer implements Service {
  readonly #database: Database
  readonly #loop: Loop
  #latest = new Map<string, Entry>()

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
    if (entries.length === 0) return INTERVAL_MS
    this.#latest = new Map()
    for (const workerId of new Set(entries.map(({ job }) => job.workerId))) {
      const own = entries.filter(({ job }) => job.workerId === workerId)
      await this.#save(workerId, own)
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
      // Kept for the next round, or for the outcome, but for what is old by now or never taken.
      for (const entry of classify(error) === 'caller' ? [] : entries) {
        if (!this.#latest.has(entry.job.id)) this.#latest.set(entry.job.id, entry)
      }
      throw error
    }
  }
}
