import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { MAX_CRASHES } from '../core/settle.ts'
import type { Database } from '../database/database.ts'
import { recoverJobs } from '../database/statements/jobs.ts'
import { countLeases, type LeaseCount, revokeLeases } from '../database/statements/workers.ts'
import type { Hub } from '../events/hub.ts'
import { DatabaseClock } from './database-clock.ts'
import type { LeaseClock } from './lease-clock.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

/**
 * Brings back the jobs of workers that are gone, in two transactions: leases that ran out are
 * revoked, and then the jobs of workers without a lease are recovered.
 *
 * After an outage of the database every lease looks expired, because none could be renewed, and after a
 * step of its clock too. So this waits until its own renewals have succeeded without a gap, and that
 * clock has been steady, for a whole lease. A worker that was seen alive in that time and then no more
 * has died: it is revoked without further ado, however many died with it. When more than half of the
 * leases, and at least three, have not been renewed since before that time, this waits one lease more and
 * counts no crash against their jobs.
 */
export interface RecoveryOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly lease: LeaseClock
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** How many workers hold a lease, as last counted. */
  readonly onCounted: (held: number) => void
  readonly onRecovered: (queue: string) => void
  /** Blocked jobs of a queue became ready. */
  readonly onReady: (queue: string) => void
}

interface Counted {
  /** For how long this observer, and the clock of the database, have been steady. */
  readonly steadyMs: number
  readonly count: LeaseCount
  /** The ids of the workers that looked gone to this count. No others may be revoked after it. */
  readonly suspects: readonly string[]
}

/** Jobs a pass. */
const MAX_RECOVERED = 1_000
/** Recovered jobs become ready within this long, in milliseconds: not all at once. */
const SPREAD_MS = 1_000
const MASS_AT_LEAST = 3
/** A pass follows the end of a lease within about this, in milliseconds. */
const AFTER_EXPIRY_MS = 300
/** Beyond a day it makes no difference, since no lease is longer. */
const MAX_STEADY_MS = 86_400_000

export class Recovery implements Service {
  readonly #options: RecoveryOptions
  readonly #loop: Loop
  readonly #clock: DatabaseClock
  /** Since when most leases have been unseen, in monotonic milliseconds. */
  #massSince: number | null = null

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.#clock = new DatabaseClock(options.leaseMs)
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'recovery', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#loop.hasten()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(): Promise<number> {
    const { hub, leaseMs, heartbeatMs } = this.#options
    const counted = await this.#count()
    const { steadyMs, count } = counted
    let revoked = 0
    let recovered = 0
    if (steadyMs >= leaseMs) {
      revoked = count.expired + count.unseen > 0 ? await this.#revoke(counted) : 0
      recovered = await this.#recover()
    }
    hub.emit('recovery.checked', { revoked, recovered })
    if (recovered >= MAX_RECOVERED) return 0
    // Right after the next lease has run out, if that comes first: one that lives is renewed before.
    const nextMs = count.next_ms === null ? Number.POSITIVE_INFINITY : count.next_ms
    return Math.min(jittered(heartbeatMs), nextMs + 50 + Math.random() * AFTER_EXPIRY_MS)
  }

  /** Counts the leases, and for how long this observer can be trusted. */
  async #count(): Promise<Counted> {
    const { database, clock, lease, onCounted, log } = this.#options
    const askedAt = clock.monotonic()
    const steadyMs = Math.min(lease.steadyMs(), this.#clock.steadyMs(askedAt), MAX_STEADY_MS)
    const [count] = await database.run(countLeases, [steadyMs])
    if (count === undefined) throw new TypeError('a count without a row')
    const answeredAt = clock.monotonic()
    const expired = byWorker(count.overdue)
    const ahead = byWorker(count.ahead)
    const stepMs = this.#clock.read({
      askedAt,
      answeredAt,
      databaseMs: count.now_ms,
      expired,
      ahead,
    })
    onCounted(count.held - count.expired)
    const suspects = [...expired.keys(), ...ahead.keys()]
    if (stepMs === 0) return { steadyMs, count, suspects }
    log.warn(
      { stepMs: Math.round(stepMs) },
      'database clock stepped: leases that look expired get one lease of time to be renewed',
    )
    return { steadyMs: 0, count, suspects }
  }

  async #revoke({ steadyMs, count: { unseen, held }, suspects }: Counted): Promise<number> {
    const { database, clock, leaseMs } = this.#options
    const isMass = unseen >= MASS_AT_LEAST && unseen > held / 2
    if (unseen === 0) this.#massSince = null
    else if (isMass) this.#massSince ??= clock.monotonic()
    const hasAmnesty = this.#massSince !== null
    const isOver = this.#massSince === null || clock.monotonic() - this.#massSince >= leaseMs
    const values = [steadyMs, isOver, hasAmnesty, JSON.stringify(suspects)] as const
    return (await database.run(revokeLeases, values)).length
  }

  async #recover(): Promise<number> {
    const { database, hub, log, onRecovered, onReady } = this.#options
    const rows = await database.engine(recoverJobs, [MAX_RECOVERED, MAX_CRASHES, SPREAD_MS])
    if (rows.length === 0) return 0
    const ids: string[] = []
    const workerIds = new Set<string>()
    for (const { id, queue, name, worker, verdict } of rows) {
      if (id === null || verdict === 'ready') {
        onReady(queue)
        continue
      }
      ids.push(id)
      if (worker !== null) workerIds.add(worker)
      if (verdict === 'failed') {
        const reason = `its worker was lost, ${MAX_CRASHES} times`
        log.error({ job: id, name, kind: 'crash', reason }, 'job failed')
      }
      if (verdict === 'recovered') onRecovered(queue)
      else hub.emit('job.finished', { id, state: verdict })
    }
    hub.emit('jobs.recovered', { ids, workerIds: [...workerIds] })
    return ids.length
  }
}

/** What a count says of workers: milliseconds, by their ids. */
const byWorker = (json: string | null): Map<string, number> =>
  new Map(Object.entries(JSON.parse(json ?? '{}') as Record<string, number>))
