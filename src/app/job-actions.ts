import {
  ACTION_OPTIONS,
  type ActedBy,
  type ActionOptions,
  parseActedBy,
} from '../core/action-options.ts'
import { checkOptions } from '../core/check.ts'
import { JobStateError, jobNotFound, UniqueKeyError } from '../core/errors.ts'
import { idOf, type JobId } from '../core/reference.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import { sqlStateOf, UNIQUE_VIOLATION } from '../database/sql-state.ts'
import { makeReady } from '../database/statements/groups.ts'
import { type CancelVerdict, cancelJob, retryJob } from '../database/statements/jobs.ts'
import { getJobs } from '../database/statements/queued-jobs.ts'
import type { Hub } from '../events/hub.ts'
import type { AuditLog } from './audit/audit-log.ts'
import type { NotifyThrottle } from './push/notify-throttle.ts'
import { isRefusedRight, type StatementRunner } from './statement-runner.ts'

interface CancelAnswer {
  readonly verdict: CancelVerdict
  readonly concurrency_key: string | null
}

interface RetryAnswer {
  readonly verdict: string
  readonly queue: string | null
}

/** Cancels and retries single jobs, and notifies workers and waits. */
export class JobActions {
  readonly #statements: StatementRunner
  readonly #hub: Hub
  readonly #throttle: NotifyThrottle | null
  readonly #audit: () => Promise<AuditLog>

  constructor(options: {
    readonly statements: StatementRunner
    readonly hub: Hub
    readonly throttle: NotifyThrottle | null
    readonly audit: () => Promise<AuditLog>
  }) {
    this.#statements = options.statements
    this.#hub = options.hub
    this.#throttle = options.throttle
    this.#audit = options.audit
  }

  async cancel(ref: JobId, options?: ActionOptions): Promise<CancelVerdict> {
    const id = idOf(ref)
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'cancel'), 'cancel')
    const answer = await (by === null ? this.#cancel(id) : this.#cancelBy(id, by))
    if (answer?.concurrency_key != null) await this.makeReady([answer.concurrency_key])
    if (answer?.verdict === 'requested') this.#hub.emit('job.cancelled', { id })
    if (answer?.verdict === 'cancelled') this.#hub.emit('job.finished', { id, state: 'cancelled' })
    return answer?.verdict ?? 'unknown'
  }

  /** A job that the first try has cancelled, and whose answer was lost, looks finished to the second. */
  #cancel(id: string): Promise<CancelAnswer | undefined> {
    return this.#statements.again(async (database, isInDoubt) => {
      const [answer] = await database.engine(cancelJob, [id, this.#throttle !== null])
      if (!isInDoubt || answer?.verdict !== 'finished') return answer
      const [row] = await database.run(getJobs, [plainArray([id])])
      if (row?.state !== 'cancelled') return answer
      return { verdict: 'cancelled', concurrency_key: row.concurrency_key }
    })
  }

  async #cancelBy(id: string, by: ActedBy): Promise<CancelAnswer | undefined> {
    const deed = { verb: 'jobs.cancel', target: `job:${id}` }
    return (await this.#audit()).act(by, deed, async (database, session) => {
      const values = [id, this.#throttle !== null] as const
      const [answer] = await database.run(cancelJob, values, { session })
      const verdict = answer?.verdict ?? 'unknown'
      const isDone = verdict === 'cancelled' || verdict === 'requested'
      return {
        value: answer,
        outcome: isDone ? 'done' : 'unchanged',
        after: { verdict },
        jobs: isDone ? 1 : 0,
      }
    })
  }

  /** What follows from a statement that has cancelled many. */
  async cancelled(
    rows: readonly { id: string; verdict: CancelVerdict; concurrency_key: string | null }[],
  ): Promise<void> {
    const keys = new Set(rows.flatMap(({ concurrency_key: key }) => (key === null ? [] : [key])))
    if (keys.size > 0) await this.makeReady([...keys])
    for (const { id, verdict } of rows) {
      if (verdict === 'requested') this.#hub.emit('job.cancelled', { id })
      else this.#hub.emit('job.finished', { id, state: 'cancelled' })
    }
  }

  /** What follows from a statement that has retried many. */
  retried(rows: readonly { queue: string; is_scheduled: boolean }[]): void {
    const events = new Map(
      rows.map(({ queue, is_scheduled: isScheduled }) => [
        `${queue} ${isScheduled}`,
        { queue, isScheduled },
      ]),
    )
    for (const { queue, isScheduled } of events.values())
      this.#hub.emit(isScheduled ? 'job.scheduled' : 'queue.pushed', { queue })
  }

  async retry(ref: JobId, options?: ActionOptions): Promise<void> {
    const id = idOf(ref)
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'retry'), 'retry')
    const answer = checked(id, await (by === null ? this.#retry(id) : this.#retryBy(id, by)))
    const event = answer.verdict === 'retried' ? 'queue.pushed' : 'job.scheduled'
    this.#hub.emit(event, { queue: answer.queue ?? 'default' })
  }

  async #retryBy(id: string, by: ActedBy): Promise<RetryAnswer> {
    const deed = { verb: 'jobs.retry', target: `job:${id}` }
    return (await this.#audit()).act(by, deed, async (database, session) => {
      const values = [id, this.#throttle !== null] as const
      const [answer] = await withKeyError(id, () => database.run(retryJob, values, { session }))
      const value = checked(id, answer)
      return { value, after: { verdict: value.verdict }, jobs: 1 }
    })
  }

  /** The first try may have put it back, and it may have run and ended again before the second. */
  #retryOnce(id: string): Promise<RetryAnswer | undefined> {
    let finishedMs: number | null = null
    return this.#statements.again(async (database, isInDoubt) => {
      const [row] = await database.run(getJobs, [plainArray([id])])
      if (!isInDoubt) finishedMs = row?.finished_ms ?? null
      const isBack = finishedMs !== null && row !== undefined && row.finished_ms !== finishedMs
      if (isBack) return { verdict: 'retried', queue: row.queue }
      return (await database.engine(retryJob, [id, this.#throttle !== null]))[0]
    })
  }

  #retry(id: string): Promise<RetryAnswer | undefined> {
    return withKeyError(id, () => this.#retryOnce(id))
  }

  /** Waiting jobs of groups are gone: others may be ready. A sweep repairs what fails here. */
  async makeReady(keys: readonly string[]): Promise<void> {
    try {
      for (const { queue } of await this.#statements.engine(makeReady, [textArray([...keys])])) {
        this.#hub.emit('queue.pushed', { queue })
        this.#throttle?.announce('queue.pushed', queue)
      }
    } catch (error) {
      // A producer may not lock groups.
      if (isRefusedRight(error)) return
      this.#hub.emit('database.error', { what: 'making jobs of a group ready', error })
    }
  }
}

/** @throws {NotFoundError} @throws {JobStateError} */
function checked(id: string, answer: RetryAnswer | undefined): RetryAnswer {
  if (answer?.verdict === 'retried' || answer?.verdict === 'scheduled') return answer
  if (answer === undefined || answer.verdict === 'unknown') throw jobNotFound(id)
  throw new JobStateError(
    `retry: expected a failed or cancelled job, but ${id} is ${answer.verdict}.`,
    { details: { id, state: answer.verdict } },
  )
}

async function withKeyError<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
    throw new UniqueKeyError(
      'UNIQUE_KEY_TAKEN',
      `The job ${id} cannot go back to waiting: another job that waits or runs has its unique key. Wait for that one, or cancel it.`,
      { details: { id }, cause: error },
    )
  }
}
