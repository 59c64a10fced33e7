import type { Logger } from '../../core/logger.ts'
import type { Database } from '../../database/database.ts'
import { loggedError } from '../../database/logged-error.ts'
import { classify } from '../../database/retry.ts'
import { isAboutRow, LOCK_NOT_AVAILABLE, sqlStateOf } from '../../database/sql-state.ts'
import * as sql from '../../database/statements/history.ts'
import { limitLockWait } from '../../database/statements/migrations.ts'
import { removeOldWaiters } from '../../database/statements/queued-jobs.ts'
import { sweepWorkers } from '../../database/statements/workers.ts'
import type { Hub } from '../../events/hub.ts'
import { jittered } from '../../services/loop.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

const HOUR_MS = 3_600_000
/** When a worker that has just started reads samples of the history for the planner. */
const SETTLED_MS = 600_000
/** When to try again to drop a partition that a session was reading. */
const MINUTE_MS = 60_000
/** Partitions created ahead, a day each. */
const AHEAD = 7
/**
 * A detach waits for readers of the history, this long at most: a worker that stops waits for it.
 * A detach that is left pending is finalized by the next pass of any worker.
 */
const LOCK_WAIT_MS = 1_000
/** Behind a pooler every finish waits as long as the detach, so that one waits briefly. */
const POOLED_LOCK_WAIT_MS = 100

export interface PartitionMaintainerOptions {
  readonly database: Database
  readonly hub: Hub
  readonly log: Logger
}

/**
 * Creates the partitions of the history ahead of time, one a day, and drops a partition when the retention
 * of each of its rows has passed. A partition is detached concurrently and then dropped: any other way, one
 * reader of the history would block every finish. Any number of workers may do this concurrently.
 */
export class PartitionMaintainer implements PeriodicTask {
  readonly name = 'maintaining partitions'
  readonly every = HOUR_MS
  readonly isJittered = true
  readonly #options: PartitionMaintainerOptions
  #isFirst = true

  constructor(options: PartitionMaintainerOptions) {
    this.#options = options
  }

  async pass(signal: AbortSignal): Promise<number | undefined> {
    const { database, hub } = this.#options
    const isFirst = this.#isFirst
    const [row] = await database.run(sql.createPartitions, [AHEAD])
    const { dropped, left } = await this.#dropExpired(signal)
    if (signal.aborted) return 0
    this.#isFirst = false
    // A worker that starts has jobs to run first.
    if (!isFirst) await database.run(sql.analyzeHistory, [], { prepare: false })
    await database.run(removeOldWaiters, [])
    await database.run(sweepWorkers, [])
    hub.emit('partitions.maintained', { created: row?.created ?? 0, dropped })
    if (left > 0) return jittered(MINUTE_MS)
    return isFirst ? jittered(SETTLED_MS) : undefined
  }

  async #dropExpired(signal: AbortSignal): Promise<{ dropped: number; left: number }> {
    const { database, log } = this.#options
    let dropped = 0
    let left = 0
    for (const { name, pending, attached, owned } of await database.run(sql.expiredPartitions, [
      null,
    ])) {
      if (signal.aborted) break
      try {
        if (!owned) {
          const [row] = await database.run(sql.dropForeignPartition, [name])
          if (row?.dropped === true) dropped++
          continue
        }
        if (!(await this.#isDroppable(name, pending || !attached))) continue
        await this.#drop(name, pending, attached)
        dropped++
      } catch (error) {
        // Another worker was faster, or a reader held a lock. The next pass tries again.
        if (classify(error) !== 'caller' && sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
        left++
        // An error about the contents of a row does not pass by itself.
        const level = isAboutRow(error) ? 'warn' : 'debug'
        log[level](
          { ...loggedError(error), partition: name },
          'partition of the history was not dropped',
        )
      }
    }
    return { dropped, left }
  }

  async #isDroppable(name: string, isDetached: boolean): Promise<boolean> {
    if (isDetached) return true
    const { database } = this.#options
    const [row] = await database.run(sql.partitionIsNeeded(name), [null], { prepare: false })
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
      if (pending) await database.run(sql.finalizePartition(name), [], options)
      else if (attached) await database.run(sql.detachPartition(name), [], options)
      await database.run(sql.dropPartition(name), [], options)
      await database.run(sql.limitLockWaits, ['0'], options)
    } finally {
      session.release(true)
    }
  }

  /**
   * Behind a pooler a session is shared, so no setting outlives a transaction, in which a concurrent detach
   * cannot run. So this takes the lock that blocks finishes, and waits for it briefly.
   */
  #dropInTransaction(name: string, pending: boolean, attached: boolean): Promise<void> {
    const { database } = this.#options
    return database.driver.transaction(async (session) => {
      const options = { session, prepare: false }
      await database.run(limitLockWait, [String(POOLED_LOCK_WAIT_MS)], options)
      if (pending) await database.run(sql.finalizePartition(name), [], options)
      else if (attached) await database.run(sql.detachPartitionBlocking(name), [], options)
      await database.run(sql.dropPartition(name), [], options)
    })
  }
}
