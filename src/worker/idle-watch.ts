import { inspect } from '../core/check.ts'
import { systemClock } from '../core/clock.ts'
import { ConfigError } from '../core/errors.ts'
import { textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { declaredQueue } from '../database/rows.ts'
import { type DueRow, findDue } from '../database/statements/due.ts'
import type { Hub } from '../events/hub.ts'
import type { ClaimLedger } from './attempts/claim-ledger.ts'
import { RECOVERY_SPREAD_MS } from './recovery-spread.ts'
import type { WorkerParts } from './worker-parts.ts'

export interface IdleWatchOptions {
  readonly database: Database
  readonly hub: Hub
  readonly ledger: ClaimLedger
  readonly workerId: () => string
  /** Names of the functions that this worker knows. */
  readonly names: () => readonly string[]
  readonly isPaused: () => boolean
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** How long to wait for an event before the next check, in milliseconds: doubled each time, since none may come. */
const WAIT_MS = { first: 20, longest: 1_000 }
/** A check follows the one before after this many times what that took, at least. */
const SPACING = 4
/** The first checks of a wait follow an event immediately: most waits are short. */
const SOON = 3

/**
 * Waits until a worker has nothing to do: nothing of its queues is due, and nothing of it runs, is unsaved or has
 * hooks under way.
 *
 * One statement decides. It reads in one snapshot what is due and what this worker has claimed, so a job on its way
 * from one to the other is never missed: between its claim and its start, and until its outcome is committed, its row
 * names this worker. While jobs run here the database is not read; afterwards it is read after each event that may
 * have changed something, and otherwise at growing intervals.
 */
export class IdleWatch {
  readonly #options: IdleWatchOptions
  readonly #waiters = new Set<Waiter>()
  #parts: WorkerParts | null = null
  /** Until when jobs that were recovered become ready, in monotonic milliseconds. */
  #recoveredUntil = 0
  #unlisten: () => void = () => {}
  #isWatching = false
  /** The queues of this worker, as the check before has read them. */
  #queues: readonly string[] = []
  /** Ends the present wait between two checks. */
  #rouse: () => void = () => {}
  #wasRoused = false
  /** Aborts when there is nothing more to wait for. */
  #over = new AbortController()

  constructor(options: IdleWatchOptions) {
    this.#options = options
  }

  /**
   * Resolves at the next moment when there is nothing to do. Rejects with the reason of the signal when that aborts.
   *
   * @throws {ConfigError} for what is no signal
   */
  idle(signal?: AbortSignal): Promise<void> {
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new ConfigError(`idle: expected an AbortSignal, got ${inspect(signal)}.`)
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const end = (): void => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', aborted)
        if (this.#waiters.size === 0) this.#over.abort()
      }
      const waiter: Waiter = {
        resolve: () => {
          end()
          resolve()
        },
        reject: (error) => {
          end()
          reject(error)
        },
      }
      const aborted = (): void => waiter.reject(signal?.reason)
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiters.add(waiter)
      if (this.#isWatching) this.#changed()
      else this.#watch()
    })
  }

  /** The worker has started. */
  begin(parts: WorkerParts): void {
    this.#parts = parts
    this.#unlisten = this.#options.hub.on('jobs.recovered', ({ ids }) => {
      if (ids.length > 0) this.#recoveredUntil = systemClock.monotonic() + RECOVERY_SPREAD_MS
    })
    if (parts.saved !== null) parts.saved.onSettled = () => this.#changed()
    this.#watch()
  }

  /** The worker stops: every wait fails. */
  end(error: unknown): void {
    this.#parts = null
    this.#unlisten()
    for (const waiter of [...this.#waiters]) waiter.reject(error)
  }

  #watch(): void {
    if (this.#isWatching || this.#parts === null || this.#waiters.size === 0) return
    this.#isWatching = true
    const { hub } = this.#options
    const changed = (): void => this.#changed()
    const unlisten = [
      hub.on('queue.polled', ({ claimed }) => claimed > 0 && changed()),
      hub.on('jobs.staged', ({ staged }) => staged > 0 && changed()),
      hub.on('outcomes.saved', changed),
      hub.on('queue.changed', changed),
      hub.on('jobs.recovered', changed),
      hub.on('worker.revoked', changed),
      hub.on('worker.resumed', changed),
    ]
    void this.#watchAll().finally(() => {
      for (const end of unlisten) end()
      this.#isWatching = false
      // A call that came in the same turn of the loop.
      this.#watch()
    })
  }

  async #watchAll(): Promise<void> {
    this.#over = new AbortController()
    let waitMs = WAIT_MS.first
    let checks = 0
    while (this.#waiters.size > 0 && this.#parts !== null) {
      this.#wasRoused = false
      const startedAt = systemClock.monotonic()
      const isBusy = this.#isBusy(this.#parts) || !(await this.#check(this.#parts))
      const tookMs = systemClock.monotonic() - startedAt
      if (this.#waiters.size === 0 || !isBusy) continue
      await this.#nextChange(waitMs)
      waitMs = this.#wasRoused ? WAIT_MS.first : Math.min(WAIT_MS.longest, waitMs * 2)
      if (++checks <= SOON) continue
      await systemClock.sleep(Math.min(WAIT_MS.longest, tookMs * SPACING), this.#over.signal)
    }
  }

  /** Reads what is due. True: there was nothing to do, and those who waited know it. */
  async #check(parts: WorkerParts): Promise<boolean> {
    // A wait that begins later needs a later snapshot.
    const waiters = [...this.#waiters]
    const due = await this.#due(parts)
    if (due?.length === 0 && !this.#isBusy(parts)) {
      for (const waiter of waiters) waiter.resolve()
      return true
    }
    if (due !== null && !this.#options.isPaused()) nudge(parts, due)
    return false
  }

  /** Whether this worker is known to have something to do: then the database need not be read. */
  #isBusy({ runners, saved }: WorkerParts): boolean {
    const { ledger } = this.#options
    if (systemClock.monotonic() < this.#recoveredUntil) return true
    return ledger.size > 0 || runners.running > 0 || saved?.isPending === true
  }

  /** Null: the database could not be read. */
  async #due(parts: WorkerParts): Promise<readonly DueRow[] | null> {
    const { hub } = this.#options
    try {
      // The queues are nearly always those of the check before.
      for (;;) {
        const { queues, due } = await this.#find(parts, this.#queues)
        if (queues.join() === this.#queues.join()) return due
        this.#queues = queues
      }
    } catch (error) {
      hub.emit('database.error', { what: 'looking for due jobs', error })
      return null
    }
  }

  /** What is due in these queues, and which are those of this worker. */
  async #find(
    { watcher, runners }: WorkerParts,
    wanted: readonly string[],
  ): Promise<{ readonly queues: readonly string[]; readonly due: readonly DueRow[] }> {
    const { database, names, workerId } = this.#options
    const values = [textArray(wanted), textArray(names()), workerId()] as const
    const rows = await database.run(findDue, values)
    const declared = rows.filter((row) => row.kind === 'declared').map(declaredQueue)
    const queues = watcher.ours(declared).filter((queue) => !runners.isRefused(queue))
    return { queues, due: rows.filter((row) => row.kind !== 'declared') }
  }

  /** Resolves after an event since the last check that may have changed something, or after `ms`. */
  async #nextChange(ms: number): Promise<void> {
    if (this.#wasRoused) return
    const over = new AbortController()
    this.#rouse = () => over.abort()
    await systemClock.sleep(ms, AbortSignal.any([over.signal, this.#over.signal]))
    this.#rouse = () => {}
  }

  #changed(): void {
    this.#wasRoused = true
    this.#rouse()
  }
}

/** The parts that are to do it now, also where a notification was missed or a timer is far away. */
function nudge(parts: WorkerParts, due: readonly DueRow[]): void {
  const { runners, watcher, stager, groups, reconciler, recovery, flows } = parts
  for (const { kind, queue } of due) {
    if (kind === 'unstaged') stager.wake()
    else if (kind === 'blocked') groups.wake()
    else if (kind === 'ends') flows.wake()
    else if (kind === 'ready' && runners.has(queue)) runners.wake(queue)
    else if (kind === 'ready') watcher.changed()
    else {
      reconciler.wake()
      recovery.wake()
    }
  }
}
