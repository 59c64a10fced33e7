import { ConfigError, UniqueKeyError } from '../core/errors.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import { sqlStateOf, UNIQUE_VIOLATION } from '../database/sql-state.ts'
import { makeReady } from '../database/statements/groups.ts'
import { type CancelVerdict, cancelJob, retryJob } from '../database/statements/jobs.ts'
import { getJobs } from '../database/statements/queued-jobs.ts'
import type { Hub } from '../events/hub.ts'
import { type Asker, isRefusedRight } from './asker.ts'
import { idOf, type JobId, notFound } from './job-id.ts'
import type { WakeNotices } from './wake-notices.ts'

interface CancelAnswer {
  readonly verdict: CancelVerdict
  readonly concurrency_key: string | null
}

interface RetryAnswer {
  readonly verdict: string
  readonly queue: string | null
}

/** What people do to one job, and who has to hear of it. */
export class JobActions {
  readonly #asker: Asker
  readonly #hub: Hub
  readonly #notices: WakeNotices | null

  constructor(asker: Asker, hub: Hub, notices: WakeNotices | null) {
    this.#asker = asker
    this.#hub = hub
    this.#notices = notices
  }

  async cancel(ref: JobId): Promise<CancelVerdict> {
    const id = idOf(ref)
    const answer = await this.#cancel(id)
    if (answer?.concurrency_key != null) await this.#makeReady(answer.concurrency_key)
    if (answer?.verdict === 'requested') this.#hub.emit('job.cancelled', { id })
    if (answer?.verdict === 'cancelled') this.#hub.emit('job.finished', { id, state: 'cancelled' })
    return answer?.verdict ?? 'unknown'
  }

  /** A job that the first try has cancelled, and whose answer was lost, looks finished to the second. */
  #cancel(id: string): Promise<CancelAnswer | undefined> {
    return this.#asker.again(async (database, isInDoubt) => {
      const [answer] = await database.engine(cancelJob, [id, this.#notices !== null])
      if (!isInDoubt || answer?.verdict !== 'finished') return answer
      const [row] = await database.run(getJobs, [plainArray([id])])
      if (row?.state !== 'cancelled') return answer
      return { verdict: 'cancelled', concurrency_key: row.concurrency_key }
    })
  }

  async retry(ref: JobId): Promise<void> {
    const id = idOf(ref)
    const answer = await this.#retry(id)
    if (answer?.verdict === 'retried' || answer?.verdict === 'scheduled') {
      const event = answer.verdict === 'retried' ? 'queue.pushed' : 'job.scheduled'
      this.#hub.emit(event, { queue: answer.queue ?? 'default' })
      return
    }
    if (answer === undefined || answer.verdict === 'unknown') throw notFound(id)
    throw new ConfigError(
      `retry: expected a failed or cancelled job, but ${id} is ${answer.verdict}.`,
      { details: { id, state: answer.verdict } },
    )
  }

  /** The first try may have put it back, and it may have run and ended again before the second. */
  #retryOnce(id: string): Promise<RetryAnswer | undefined> {
    let finishedMs: number | null = null
    return this.#asker.again(async (database, isInDoubt) => {
      const [row] = await database.run(getJobs, [plainArray([id])])
      if (!isInDoubt) finishedMs = row?.finished_ms ?? null
      const isBack = finishedMs !== null && row !== undefined && row.finished_ms !== finishedMs
      if (isBack) return { verdict: 'retried', queue: row.queue }
      return (await database.engine(retryJob, [id, this.#notices !== null]))[0]
    })
  }

  async #retry(id: string): Promise<RetryAnswer | undefined> {
    try {
      return await this.#retryOnce(id)
    } catch (error) {
      if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
      throw new UniqueKeyError(
        'UNIQUE_KEY_TAKEN',
        `The job ${id} cannot go back to waiting: another job that waits or runs has its unique key. Wait for that one, or cancel it.`,
        { details: { id }, cause: error },
      )
    }
  }

  /** A waiting job of a group is gone: its place may be another's. What fails here a sweep mends. */
  async #makeReady(key: string): Promise<void> {
    try {
      for (const { queue } of await this.#asker.engine(makeReady, [textArray([key])])) {
        this.#hub.emit('queue.pushed', { queue })
        this.#notices?.announce('queue.pushed', queue)
      }
    } catch (error) {
      // A producer may not lock groups.
      if (isRefusedRight(error)) return
      this.#hub.emit('database.troubled', { what: 'making jobs of a group ready', error })
    }
  }
}
