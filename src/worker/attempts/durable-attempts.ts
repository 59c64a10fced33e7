import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import type { TransactionSql } from '../../core/durable-record.ts'
import type { JobUpdate } from '../../core/settle.ts'
import type { StopRequest } from '../../core/stop-request.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { dropSignals, transactionSql } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'
import type { PluginSet } from '../../plugin/plugin-set.ts'
import { DurableAttempt } from './durable-attempt.ts'
import { type Beginning, firstBeginning, HistoryReader } from './history-reader.ts'
import { StepBuffer } from './step-buffer.ts'
import { WaitTaker } from './wait-taker.ts'

export interface DurableAttemptsOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly leaseMs: number
  readonly plugins: Pick<PluginSet, 'hasPush' | 'onPush'>
}

/** The database side of all durable jobs that a worker runs. */
export class DurableAttempts {
  readonly #options: DurableAttemptsOptions
  readonly #sql: TransactionSql
  readonly #reader: HistoryReader
  readonly #buffer: StepBuffer
  readonly #taker: WaitTaker

  constructor(options: DurableAttemptsOptions) {
    const { database, hub } = options
    this.#options = options
    this.#sql = transactionSql(database.names)
    this.#reader = new HistoryReader(options)
    this.#taker = new WaitTaker(options)
    this.#buffer = new StepBuffer({
      ...options,
      onSignaled: (ids) => {
        for (const id of ids) hub.emit('signal.left', { id })
      },
    })
  }

  /** Something may have come to a job that runs here. */
  hint(id: string): void {
    this.#taker.hint(id)
  }

  /** What an attempt begins with. The first one reads nothing. */
  async begin(job: ClaimedJob, stop: StopRequest): Promise<DurableAttempt> {
    const { hub, clock, plugins } = this.#options
    const read = job.fence === 1 ? firstBeginning(job) : await this.#reader.read(job)
    const beginning: Beginning = typeof read === 'string' ? firstBeginning(job) : read
    if (beginning.wasWaiting) {
      const { id, name, queue } = job
      hub.emit('job.resumed', { id, name, queue })
    }
    return new DurableAttempt({
      ...{
        job,
        stop,
        beginning,
        hub,
        clock,
        sql: this.#sql,
        onPush: plugins.hasPush ? (row) => plugins.onPush(row) : null,
        buffer: this.#buffer,
        taker: this.#taker,
      },
      isUnread: typeof read === 'string',
    })
  }

  /** What follows when outcomes of durable jobs were saved. */
  saved(updates: readonly JobUpdate[]): void {
    const { hub } = this.#options
    for (const { job, parked } of updates) {
      if (parked === undefined) continue
      const { id, name, queue } = job
      const waits = parked.map((wait) => ({
        kind: wait.kind,
        name: wait.name,
        signals: wait.signals,
      }))
      hub.emit('job.waiting', { id, name, queue, for: waits })
      if (parked.some(({ untilMs, afterMs }) => untilMs !== null || afterMs !== null))
        hub.emit('job.scheduled', { queue })
    }
    const ended = updates.filter(({ state }) => state !== 'pending' && state !== 'retrying')
    if (ended.length > 0) void this.#drop(ended.map(({ job }) => job.id))
  }

  /** What this misses is found by the sweep. */
  async #drop(ids: readonly string[]): Promise<void> {
    const { database, hub } = this.#options
    try {
      const rows = await database.run(dropSignals, [plainArray(ids)])
      for (const { job, name, dropped } of rows)
        hub.emit('signal.dropped', { id: job, name, count: dropped })
    } catch (error) {
      hub.emit('database.error', { what: 'removing signals of ended jobs', error })
    }
  }
}
