import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { MAX_CRASHES } from '../../core/settle.ts'
import type { Database } from '../../database/database.ts'
import { recoverJobs } from '../../database/statements/jobs.ts'
import { countLeases, type LeaseCount, revokeLeases } from '../../database/statements/workers.ts'
import type { RecoveredJob } from '../../events/event-map.ts'
import type { Hub } from '../../events/hub.ts'
import { jittered } from '../../services/loop.ts'
import type { PeriodicTask } from '../../services/periodic.ts'
import type { LeaseState } from '../lease/lease-state.ts'
import { RECOVERY_SPREAD_MS } from '../recovery-spread.ts'
import { DatabaseClock } from './database-clock.ts'

/**
 * Recovers the jobs of dead workers, in two transactions: expired leases are revoked, and then the jobs of
 * workers without a lease are recovered.
 *
 * After an outage of the database every lease looks expired, because none could be renewed, and after a
 * step of its clock too. So this waits until its own renewals have succeeded without a gap, and that
 * clock has been steady, for a whole lease. A worker that renewed its lease in that time and then stopped
 * has died: it is revoked immediately, however many died with it. When more than half of the leases, and at
 * least three, have not been renewed since before that time, this waits one lease more and exempts their
 * jobs from counting a crash.
 */
export interface RecoveryOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly lease: LeaseState
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
  /** The ids of the workers whose leases looked expired to this count. Only these may be revoked after it. */
  readonly suspects: readonly string[]
}

/** Jobs a pass. */
const MAX_RECOVERED = 1_000
const MASS_AT_LEAST = 3
/** A pass follows the expiry of a lease within about this, in milliseconds. */
const AFTER_EXPIRY_MS = 300
/** Longer than a day makes no difference, since no lease is longer. */
const MAX_STEADY_MS = 86_400_000

export class Recovery implements PeriodicTask {
  readonly name = 'recovery'
  readonly every: number
  readonly #options: RecoveryOptions
  readonly #clock: DatabaseClock
  /** Since when most leases have not been renewed, in monotonic milliseconds. */
  #massSince: number | null = null

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.every = options.heartbeatMs
    this.#clock = new DatabaseClock(options.leaseMs)
  }

  async pass(): Promise<number> {
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
    // Right after the next lease expires, if that comes first: a worker that lives renews it before.
    const nextMs = count.next_ms === null ? Number.POSITIVE_INFINITY : count.next_ms
    return Math.max(
      0,
      Math.min(jittered(heartbeatMs), nextMs + 50 + Math.random() * AFTER_EXPIRY_MS),
    )
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
    const isCrashExempt = this.#massSince !== null
    const isOver = this.#massSince === null || clock.monotonic() - this.#massSince >= leaseMs
    const values = [steadyMs, isOver, isCrashExempt, JSON.stringify(suspects)] as const
    return (await database.run(revokeLeases, values)).length
  }

  async #recover(): Promise<number> {
    const { database, hub, onRecovered, onReady } = this.#options
    const rows = await database.engine(recoverJobs, [
      MAX_RECOVERED,
      MAX_CRASHES,
      RECOVERY_SPREAD_MS,
    ])
    if (rows.length === 0) return 0
    const jobs: RecoveredJob[] = []
    const workerIds = new Set<string>()
    for (const { id, queue, name, worker, verdict } of rows) {
      if (id === null || verdict === 'ready') {
        onReady(queue)
        continue
      }
      jobs.push({ id, name, queue, state: verdict === 'recovered' ? 'pending' : verdict })
      if (worker !== null) workerIds.add(worker)
      if (verdict === 'recovered') onRecovered(queue)
      else hub.emit('job.finished', { id, state: verdict })
    }
    hub.emit('jobs.recovered', {
      ids: jobs.map(({ id }) => id),
      workerIds: [...workerIds],
      jobs,
    })
    return jobs.length
  }
}

/** Milliseconds by the ids of workers. */
const byWorker = (json: string | null): Map<string, number> =>
  new Map(Object.entries(JSON.parse(json ?? '{}') as Record<string, number>))
