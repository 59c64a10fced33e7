import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import { cancellingJobs } from '../database/statements/workers.ts'
import type { RunningAttempts } from './attempts/claim-ledger.ts'
import type { WorkerLease } from './lease/worker-lease.ts'
import type { WorkerParts } from './worker-parts.ts'

/** How long code that was asked to stop at the end of a shutdown may take to do so, in milliseconds. */
const ABORT_GRACE_MS = 500
/** How long the last outcomes are tried to be saved where there is time, in milliseconds. */
const LAST_SAVE_MS = 10_000
/** How long beyond the timeout outcomes are tried to be saved, in milliseconds. */
const BEYOND_MS = 1_000
/** How long the answer may take that tells whether the database can be reached, in milliseconds. */
const ANSWER_MS = 500
/** What a step gets when the time is over already, in milliseconds. */
const LEAST_MS = 300

/** How long the hooks of the last outcomes may take, in milliseconds. */
const LAST_HOOKS_MS = 500
/** How long children that run nothing may take to end by themselves: they write what is in their memory. */
const CHILD_END_MS = 700

export interface ShutdownOptions {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly lease: WorkerLease
  readonly running: RunningAttempts
  readonly timeoutMs: number
  /** Lets the plugins write what they gathered. */
  readonly flushPlugins: () => Promise<void>
}

/**
 * The end of a worker: claims nothing more, waits for what runs, saves, releases the rest. It is over
 * within the `shutdownTimeout` and two seconds, also where the network swallows everything; only a
 * database that answers slowly gets more time for the last outcomes.
 */
export class Shutdown {
  readonly #options: ShutdownOptions
  /** When the timeout is over, in monotonic milliseconds. */
  readonly #endsAt: number

  constructor(options: ShutdownOptions) {
    this.#options = options
    this.#endsAt = options.clock.monotonic() + options.timeoutMs
  }

  /** Resolves when `work` has settled, or the time is over. */
  async within(work: Promise<unknown>): Promise<void> {
    const { clock } = this.#options
    const over = new AbortController()
    const settled = work.catch(() => {}).then(() => over.abort())
    await Promise.race([settled, clock.sleep(this.#leftMs(), over.signal)])
    over.abort()
  }

  async stop(parts: WorkerParts): Promise<void> {
    const { lease, log } = this.#options
    // Begun first and waited for last: it may be waiting for a lock.
    const history = Promise.all([parts.history.stop(), parts.dayIndexes.stop()])
    await this.within(this.#stopClaiming(parts))
    await this.#drain(parts)
    await this.within(Promise.all([parts.progress.stop(), history, parts.plugins.stop()]))
    const saveMs = (await this.#isReachable()) ? LAST_SAVE_MS : this.#leftMs(BEYOND_MS)
    const isSaved = await parts.buffer.drained(Math.min(LAST_SAVE_MS, saveMs))
    // What it leaves is in the database, for the sweep of another worker.
    await this.within(parts.followUps.stop())
    await parts.saved?.settled(LAST_HOOKS_MS)
    await this.#options.flushPlugins()
    await Promise.all([parts.executors.stop(CHILD_END_MS), parts.heartbeat.stop()])
    // With outcomes left behind the row stays: its lease runs out, and recovery does the rest.
    if (isSaved) await lease.release(LAST_SAVE_MS)
    else log.error({}, 'outcomes not saved before the end: their jobs run again')
  }

  /** A database that answers is given its time, also when it is slow: what is not saved runs again. */
  async #isReachable(): Promise<boolean> {
    const { database, lease } = this.#options
    try {
      await database.run(cancellingJobs, [lease.id], { deadlineMs: ANSWER_MS })
      return true
    } catch {
      return false
    }
  }

  async #stopClaiming(parts: WorkerParts): Promise<void> {
    await parts.watcher.stop()
    await parts.runners.stopClaiming()
    const { reconciler, stager, recovery, idleQueues, unserved } = parts
    const sweeps = [
      parts.groups,
      parts.uniqueKeys,
      parts.bulk,
      parts.flows,
      parts.watermarks,
      parts.signals,
      parts.steps,
    ]
    const services = [reconciler, stager, recovery, ...sweeps, idleQueues, unserved]
    await Promise.all(services.map((service) => service.stop()))
  }

  /** Waits for what runs; then asks it to stop; then releases what does not. */
  async #drain(parts: WorkerParts): Promise<void> {
    const { clock, running } = this.#options
    const over = new AbortController()
    const drained = parts.runners.drained().then(() => over.abort())
    await clock.sleep(Math.max(0, this.#endsAt - clock.monotonic()), over.signal)
    if (!over.signal.aborted) {
      running.askAll('interrupted')
      // Children that do not stop are ended here, so that what they ran is released only then.
      await Promise.all([
        parts.executors.stop(ABORT_GRACE_MS),
        clock.sleep(ABORT_GRACE_MS, over.signal),
      ])
    }
    if (over.signal.aborted) await drained
    parts.attempts.release(running.all())
  }

  #leftMs(beyondMs = 0): number {
    return Math.max(LEAST_MS, this.#endsAt + beyondMs - this.#options.clock.monotonic())
  }
}
