import { plainArray } from '../../database/array-literal.ts'
import type { Session } from '../../database/driver.ts'
import { LOCK_NOT_AVAILABLE, sqlStateOf, UNIQUE_VIOLATION } from '../../database/sql-state.ts'
import {
  addItems,
  boundLockWait,
  countBulk,
  type DueBulk,
  delayItem,
  dueBulk,
  endItems,
  finishBulk,
  forgetItems,
  leftItems,
  noteBefore,
  noteDone,
  removeBulk,
  takeBulk,
  takeItem,
} from '../../database/statements/bulk-steps.ts'
import type { JobSearch } from '../search/job-search.ts'
import { type BulkPage, BulkPages, END } from './bulk-pages.ts'
import { BulkWork, type BulkWorkOptions, NO_FOLLOW } from './bulk-work.ts'

export interface BulkCarrierOptions extends BulkWorkOptions {
  readonly search: () => Promise<JobSearch>
}

/** Jobs a transaction, and no more than those of a second, so that a pause holds within it. */
const MAX_STEP = 100
/** How long to wait where nothing is to be done, in milliseconds. */
const IDLE_MS = 2_000
/** How long to wait for what is due, in milliseconds: its rate may change meanwhile. */
const MAX_WAIT_MS = 1_000
/** How often what can no longer be undone is forgotten, in milliseconds, and how many items a statement. */
const [TIDY_MS, TIDY_ITEMS] = [30_000, 5_000]
/** How long a job is waited for that another transaction holds, in milliseconds: the others must not wait for it. */
const LOCK_WAIT_MS = '200'
/** Actions that are not undone: one is held before it begins, and the other is an undo. */
const NOT_UNDONE: readonly string[] = ['delete', 'undo']

/**
 * Carries on what is due. Any number of processes may: the row of the action is locked by the one that has a step, and
 * a process that dies has done whole steps alone.
 */
export class BulkCarrier {
  readonly #options: BulkCarrierOptions
  readonly #work: BulkWork
  readonly #pages: BulkPages
  #tidiedAt = Number.NEGATIVE_INFINITY

  constructor(options: BulkCarrierOptions) {
    this.#options = options
    this.#work = new BulkWork(options)
    this.#pages = new BulkPages(options.database, options.search)
  }

  /** One step of what is due first. Returns how long to wait for the next, in milliseconds. */
  async pass(): Promise<number> {
    return (await this.#next()) ?? (await this.#tidy())
  }

  /** Carries on until no action waits or runs, or the signal aborts. What is paused is not waited for. */
  async run(signal?: AbortSignal): Promise<void> {
    const { clock } = this.#options.database
    while (signal?.aborted !== true) {
      const waitMs = await this.#next()
      if (waitMs === null) return
      if (waitMs > 1) await clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  /** Null: no action waits or runs. */
  async #next(): Promise<number | null> {
    const { database } = this.#options
    const [due] = await database.run(dueBulk, [])
    if (due === undefined) return null
    if (!due.is_due) return Math.min(MAX_WAIT_MS, Math.max(1, due.wait_ms))
    const size = Math.min(MAX_STEP, due.rate)
    const isAtEnd = due.cursor === END
    const left = await database.run(leftItems, [due.id, size, isAtEnd])
    for (const { job_id: job } of left) await this.#alone(due, job)
    if (left.length > 0) return 1
    if (isAtEnd) {
      const [ended] = await database.run(finishBulk, [due.id])
      if (ended !== undefined) this.#options.hub.emit('bulk.stepped', stepped(due.id, ended))
      return 1
    }
    await this.#step(due, await this.#pages.next(due, size))
    return 1
  }

  /** Forgets what can no longer be undone. */
  async #tidy(): Promise<number> {
    const { database } = this.#options
    const now = database.clock.monotonic()
    if (now - this.#tidiedAt < TIDY_MS) return IDLE_MS
    const [forgotten] = await database.run(forgetItems, [TIDY_ITEMS])
    if ((forgotten?.removed ?? 0) > 0) return 1
    this.#tidiedAt = now
    await database.run(removeBulk, [])
    return IDLE_MS
  }

  async #step(due: DueBulk, page: BulkPage): Promise<void> {
    const { database, hub } = this.#options
    let follow = NO_FOLLOW
    const counts = await database.driver.transaction(async (session) => {
      const [taken] = await database.run(takeBulk, [due.id, due.cursor], { session })
      if (taken === undefined) return undefined
      const fresh = await database.run(addItems, [due.id, plainArray(page.ids)], { session })
      const ids = fresh.map(({ job_id: id }) => id).sort()
      let done = 0
      if (ids.length > 0) {
        await this.#note(due, ids, false, session)
        const worked = await this.#work.many(due, ids, session)
        follow = worked.follow
        done = worked.ids.length
        if (done > 0) await this.#done(due, worked.ids, session)
      }
      const { hidden, cursor } = page
      const code = hidden > 0 ? 'JOB_NOT_FOUND' : null
      const values = [due.id, done, hidden, 0, code, cursor, page.ids.length + hidden] as const
      return (await database.run(countBulk, values, { session }))[0]
    })
    // In transactions of their own: a holder of jobs must not wait for a group.
    await follow()
    if (counts !== undefined) hub.emit('bulk.stepped', stepped(due.id, counts))
  }

  async #note(due: DueBulk, ids: readonly string[], waiting: boolean, session: Session) {
    const { id, action } = due
    if (NOT_UNDONE.includes(action)) return
    const values = [id, plainArray(ids), action, waiting] as const
    await this.#options.database.run(noteBefore, values, { session })
  }

  async #done({ id, action }: DueBulk, ids: readonly string[], session: Session): Promise<void> {
    await this.#options.database.run(noteDone, [id, plainArray(ids), action], { session })
  }

  /** One job in a transaction of its own, which says what became of it. */
  async #alone(due: DueBulk, job: string): Promise<void> {
    const { database, hub } = this.#options
    let follow = NO_FOLLOW
    const ended = async (code: string | null, isFailure: boolean, session: Session) => {
      const outcome = isFailure ? 'failed' : code === null ? 'done' : 'skipped'
      const one = (name: string): number => (outcome === name ? 1 : 0)
      if (code === null) await this.#done(due, [job], session)
      else await database.run(endItems, [due.id, plainArray([job]), outcome, code], { session })
      const counts = [one('done'), one('skipped'), one('failed')] as const
      return (await database.run(countBulk, [due.id, ...counts, code, null, 0], { session }))[0]
    }
    const within = <T>(work: (session: Session) => Promise<T>): Promise<T | undefined> =>
      database.driver.transaction(async (session) => {
        const [taken] = await database.run(takeItem, [due.id, job], { session })
        if (taken === undefined) return undefined
        await database.run(boundLockWait, [LOCK_WAIT_MS], { session })
        return work(session)
      })
    let counts: Awaited<ReturnType<typeof ended>>
    try {
      counts = await within(async (session) => {
        await this.#note(due, [job], true, session)
        const { code, follow: later } = await this.#work.one(due, job, session)
        follow = later
        return ended(code, false, session)
      })
    } catch (error) {
      if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) {
        await database.run(delayItem, [due.id, job])
        return
      }
      if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
      counts = await within((session) => ended('UNIQUE_KEY_TAKEN', true, session))
    }
    await follow()
    if (counts !== undefined) hub.emit('bulk.stepped', stepped(due.id, counts))
  }
}

function stepped(
  id: string,
  {
    state,
    done,
    skipped,
    failed,
  }: { state: string; done: number; skipped: number; failed: number },
) {
  return { id, state: state as 'running' | 'done', done, skipped, failed }
}
