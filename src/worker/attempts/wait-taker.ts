import type { ClaimedJob } from '../../core/claimed-job.ts'
import { type Clock, callAfter } from '../../core/clock.ts'
import type { StepRecord } from '../../core/durable-record.ts'
import { plainArray, textArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { resumeJobs } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'
import { recordOf } from './history-reader.ts'

export type TakenRecords = readonly StepRecord[] | 'lost'

interface Taking {
  readonly job: ClaimedJob
  /** Names of open waits, which are in the row of the job. */
  readonly names: readonly string[]
  readonly resolve: (records: TakenRecords) => void
  readonly reject: (error: unknown) => void
  /** Whether it is answered also when nothing has come. */
  readonly isImmediate: boolean
}

/** How long what comes to a running job may stay unseen where no notification says so, in milliseconds. */
const POLL_MS = 1_000
/** The shortest time between two statements, in milliseconds: hints that arrive meanwhile share the next one. */
const SPACING_MS = 5

/**
 * Takes what comes of what running jobs wait for, those of a worker in one statement: when a notification says that
 * there is something, when a timeout of theirs has passed, and each second.
 */
export class WaitTaker {
  readonly #options: { readonly database: Database; readonly hub: Hub; readonly clock: Clock }
  readonly #takings = new Set<Taking>()
  readonly #due = new Set<Taking>()
  #isRunning = false
  #callOff = (): void => {}

  constructor(options: { readonly database: Database; readonly hub: Hub; readonly clock: Clock }) {
    this.#options = options
  }

  /** What has ended by now. */
  take(job: ClaimedJob, names: readonly string[]): Promise<TakenRecords> {
    return new Promise((resolve, reject) => {
      this.#add({ job, names, resolve, reject, isImmediate: true })
    })
  }

  /** Resolves with at least one record. `dueMs`: how long until the first of them ends by its time; null: none does. */
  wait(
    job: ClaimedJob,
    names: readonly string[],
    dueMs: number | null,
    signal: AbortSignal,
  ): Promise<TakenRecords> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const callOff =
        dueMs === null
          ? () => {}
          : callAfter(this.#options.clock, Math.max(0, dueMs), () => this.#ask(taking))
      const end = (): void => {
        callOff()
        signal.removeEventListener('abort', abort)
        this.#takings.delete(taking)
      }
      const abort = (): void => {
        // What is being taken at this moment is given: it is recorded.
        if (this.#sent.has(taking)) return
        end()
        reject(signal.reason)
      }
      const taking: Taking = {
        ...{ job, names, isImmediate: false },
        resolve: (records) => {
          end()
          resolve(records)
        },
        reject: (error) => {
          end()
          reject(error)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#aborts.set(taking, signal)
      this.#add(taking)
    })
  }

  readonly #sent = new Set<Taking>()
  readonly #aborts = new WeakMap<Taking, AbortSignal>()

  /** Something may have come to a job. */
  hint(id: string): void {
    for (const taking of this.#takings) if (taking.job.id === id) this.#ask(taking)
  }

  #add(taking: Taking): void {
    this.#takings.add(taking)
    this.#ask(taking)
  }

  #ask(taking: Taking): void {
    if (!this.#takings.has(taking)) return
    this.#due.add(taking)
    if (this.#isRunning) return
    this.#isRunning = true
    this.#callOff()
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    const { hub, clock } = this.#options
    while (this.#due.size > 0) {
      const due = [...this.#due].filter((taking) => this.#takings.has(taking))
      this.#due.clear()
      for (const workerId of new Set(due.map(({ job }) => job.workerId)))
        await this.#send(
          workerId,
          due.filter(({ job }) => job.workerId === workerId),
        ).catch((error) => hub.emit('database.error', { what: 'taking signals', error }))
      if (this.#due.size > 0) await clock.sleep(SPACING_MS)
    }
    this.#isRunning = false
    if (this.#takings.size > 0) this.#callOff = callAfter(clock, POLL_MS, () => this.#poll())
  }

  #poll(): void {
    for (const taking of this.#takings) this.#ask(taking)
  }

  async #send(workerId: string, takings: readonly Taking[]): Promise<void> {
    for (const taking of takings) this.#sent.add(taking)
    try {
      const rows = await this.#options.database.engine(resumeJobs, [
        workerId,
        plainArray(takings.map(({ job }) => job.id)),
        plainArray(takings.map(({ job }) => job.fence)),
        textArray(takings.map(({ names }) => JSON.stringify(names))),
      ])
      const records = new Map<string, StepRecord[]>()
      for (const row of rows) {
        const of = records.get(row.id) ?? []
        records.set(row.id, row.n === null ? of : [...of, recordOf(row)])
      }
      for (const taking of takings) {
        const found = records.get(taking.job.id)
        if (found === undefined) this.#end(taking, 'lost')
        else if (found.length > 0 || taking.isImmediate) this.#end(taking, found)
      }
    } catch (error) {
      for (const taking of takings) if (taking.isImmediate) this.#fail(taking, error)
      throw error
    } finally {
      for (const taking of takings) {
        this.#sent.delete(taking)
        const signal = this.#aborts.get(taking)
        if (signal?.aborted === true && this.#takings.has(taking)) this.#fail(taking, signal.reason)
      }
    }
  }

  #end(taking: Taking, records: TakenRecords): void {
    this.#takings.delete(taking)
    taking.resolve(records)
  }

  #fail(taking: Taking, error: unknown): void {
    this.#takings.delete(taking)
    taking.reject(error)
  }
}
