import type { Logger } from '../../core/logger.ts'
import { textArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { loggedError } from '../../database/logged-error.ts'
import { classify } from '../../database/retry.ts'
import * as sql from '../../database/statements/day-indexes.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** How long one index may take to be made. */
const DEADLINE_MS = 6 * 3_600_000
/** How long it waits for transactions that are older than it. */
const LOCK_WAIT_MS = 600_000
/** What a worker that starts does first: its jobs. */
const SETTLED_MS = 60_000
/** The worker works with the other sessions meanwhile. */
const MIN_SESSIONS = 3

export interface DayIndexerOptions {
  readonly database: Database
  readonly hub: Hub
  readonly log: Logger
  /** The indexes that a day gets. */
  readonly kinds: readonly sql.DayIndex[]
}

/**
 * Makes the indexes of the search of jobs, on days of the history that are over: on the day that is written they would
 * cost every finish. One at a time in all workers, and concurrently: it blocks nothing. An index that was left half
 * made, by a failure or by the end of a worker, is dropped first.
 */
export class DayIndexer implements PeriodicTask {
  readonly name = 'indexing finished days'
  readonly every = '1h'
  readonly isJittered = true
  readonly #options: DayIndexerOptions
  #isFirst = true
  #hasSaidWhy = false

  constructor(options: DayIndexerOptions) {
    this.#options = options
  }

  async pass(signal: AbortSignal): Promise<number | undefined> {
    if (this.#isFirst) {
      this.#isFirst = false
      return SETTLED_MS
    }
    const { database, hub, kinds } = this.#options
    if (kinds.length === 0) return undefined
    if (database.driver.sessions < MIN_SESSIONS) {
      this.#sayWhy()
      return undefined
    }
    let made = 0
    const days = await database.run(sql.daysToIndex, [textArray([...kinds]), null])
    for (const day of days) {
      if (signal.aborted) break
      if (await this.#index(day, signal)) made += 1
    }
    hub.emit('days.indexed', { made, left: days.length - made })
    return undefined
  }

  async #index(day: sql.DayRow, signal: AbortSignal): Promise<boolean> {
    const { database, log } = this.#options
    try {
      if (!day.owned || database.isPooled) {
        const values = [day.partition, day.kind] as const
        const [row] = await database.run(sql.indexForeignDay, values, { deadlineMs: DEADLINE_MS })
        return row?.made === true
      }
      return await this.#indexConcurrently(day, signal)
    } catch (error) {
      if (signal.aborted) return false
      // The day was dropped meanwhile, or a transaction has been open for long. The next pass tries again.
      if (classify(error) !== 'caller') throw error
      const { partition, kind } = day
      log.warn({ ...loggedError(error), partition, kind }, 'index of a finished day was not made')
      return false
    }
  }

  /** On a session of its own, which is thrown away: the lock and the settings go with it. */
  async #indexConcurrently(day: sql.DayRow, signal: AbortSignal): Promise<boolean> {
    const { database } = this.#options
    const session = await database.driver.reserve()
    const options = { session, prepare: false, deadlineMs: DEADLINE_MS }
    let cancel: (() => void) | null = null
    try {
      const [begun] = await database.run(sql.beginIndexing, [String(LOCK_WAIT_MS)], options)
      // Another worker makes one.
      if (begun?.locked !== true || signal.aborted) return false
      cancel = () => void database.run(sql.cancelIndexing, [begun.pid]).catch(() => {})
      signal.addEventListener('abort', cancel, { once: true })
      if (day.is_half) await database.run(sql.dropDayIndex(day.partition, day.kind), [], options)
      await database.run(sql.createDayIndex(day.partition, day.kind), [], options)
      return true
    } finally {
      if (cancel !== null) signal.removeEventListener('abort', cancel)
      session.release(true)
    }
  }

  #sayWhy(): void {
    if (this.#hasSaidWhy) return
    this.#hasSaidWhy = true
    const { log, database } = this.#options
    log.info(
      { sessions: database.driver.sessions, needed: MIN_SESSIONS },
      'finished days get no index for searches: the driver has too few sessions',
    )
  }
}
