import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import { classify } from '../database/retry.ts'
import { isAboutRow, LOCK_NOT_AVAILABLE, sqlStateOf } from '../database/sql-state.ts'
import * as sql from '../database/statements/history.ts'
import { limitLockWait } from '../database/statements/migrations.ts'
import { removeOldWaiters } from '../database/statements/queued-jobs.ts'
import { sweepWorkers } from '../database/statements/workers.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

const HOUR_MS = 3_600_000
/** When a worker that has just started reads samples of the history for the planner. */
const SETTLED_MS = 600_000
/** When to come back for a day that somebody was reading. */
const MINUTE_MS = 60_000
/** Days made ahead. */
const AHEAD = 7
/**
 * A detach waits for readers of the history, this long at most: a worker that stops waits for it.
 * What is left half detached is done by the next pass, here or elsewhere.
 */
const LOCK_WAIT_MS = 1_000
/** Behind a pooler every finish waits as long as the detach, so it is soon given up. */
const POOLED_LOCK_WAIT_MS = 100

export interface HistoryKeeperOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Makes the days of history ahead of time and drops a day when the retention of every row in it has
 * passed. A day is detached concurrently and then dropped: anything else would stop every finish
 * behind one reader of the history. Any number of workers may do this at once.
 */
export class HistoryKeeper implements Service {
  readonly #options: HistoryKeeperOptions
  readonly #loop: Loop
  #isFirst = true

  constructor(options: HistoryKeeperOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: (signal) => this.#pass(signal),
      onError: (error) => options.hub.emit('database.troubled', { what: 'keeping history', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(signal: AbortSignal): Promise<number> {
    const { database, hub } = this.#options
    // A worker that starts has jobs to run first.
    const next = this.#isFirst ? SETTLED_MS : HOUR_MS
    const [row] = await database.run(sql.makeDays, [AHEAD])
    const { dropped, left } = await this.#dropOldDays(signal)
    if (signal.aborted) return 0
    if (this.#isFirst) this.#isFirst = false
    else await database.run(sql.analyzeHistory, [], { prepare: false })
    await database.run(removeOldWaiters, [])
    await database.run(sweepWorkers, [])
    hub.emit('history.kept', { made: row?.made ?? 0, dropped })
    return jittered(left > 0 ? MINUTE_MS : next)
  }

  async #dropOldDays(signal: AbortSignal): Promise<{ dropped: number; left: number }> {
    const { database, log } = this.#options
    let dropped = 0
    let left = 0
    for (const { name, pending, attached, owned } of await database.run(sql.oldDays, [null])) {
      if (signal.aborted) break
      try {
        if (!owned) {
          const [row] = await database.run(sql.dropOthersDay, [name])
          if (row?.dropped === true) dropped++
          continue
        }
        if (!(await this.#isDroppable(name, pending || !attached))) continue
        await this.#drop(name, pending, attached)
        dropped++
      } catch (error) {
        // Another worker was faster, or a reader was in the way. Either is fine until next time.
        if (classify(error) !== 'caller' && sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
        left++
        // What is in a row does not pass by itself.
        const level = isAboutRow(error) ? 'warn' : 'debug'
        log[level]({ err: error, day: name }, 'a day of history could not be dropped now')
      }
    }
    return { dropped, left }
  }

  async #isDroppable(name: string, isDetached: boolean): Promise<boolean> {
    if (isDetached) return true
    const { database } = this.#options
    const [row] = await database.run(sql.dayIsNeeded(name), [null], { prepare: false })
    return row?.needed === false
  }

  async #drop(name: string, pending: boolean, attached: boolean): Promise<void> {
    const { database } = this.#options
    if (database.isPooled) return this.#dropInTransaction(name, pending, attached)
    const session = await database.driver.reserve()
    try {
      // Of the session, since a detach cannot run in a transaction; and of one that is thrown away.
      await database.run(sql.limitLockWaits, [String(LOCK_WAIT_MS)], { session, prepare: false })
      const options = { session, prepare: false }
      if (pending) await database.run(sql.finalizeDay(name), [], options)
      else if (attached) await database.run(sql.detachDay(name), [], options)
      await database.run(sql.dropDay(name), [], options)
      await database.run(sql.limitLockWaits, ['0'], options)
    } finally {
      session.release(true)
    }
  }

  /**
   * Where a session belongs to others, nothing can be set for it, and a detach that is concurrent
   * cannot run in a transaction, to which a setting could be limited. So it takes the lock that stops
   * finishes, for no longer than they can bear.
   */
  #dropInTransaction(name: string, pending: boolean, attached: boolean): Promise<void> {
    const { database } = this.#options
    return database.driver.transaction(async (session) => {
      const options = { session, prepare: false }
      await database.run(limitLockWait, [String(POOLED_LOCK_WAIT_MS)], options)
      if (pending) await database.run(sql.finalizeDay(name), [], options)
      else if (attached) await database.run(sql.detachDayAtOnce(name), [], options)
      await database.run(sql.dropDay(name), [], options)
    })
  }
}
