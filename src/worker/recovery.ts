import type { Clock } from '../core/clock.ts'
import { MAX_CRASHES } from '../core/settle.ts'
import type { Database } from '../database/database.ts'
import { recoverJobs } from '../database/statements/jobs.ts'
import { countLeases, revokeLeases } from '../database/statements/workers.ts'
import type { Hub } from '../events/hub.ts'
import type { LeaseClock } from './lease-clock.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

/**
 * Brings back the jobs of workers that are gone, in two transactions: leases that ran out are
 * revoked, and then the jobs of workers without a lease are recovered.
 *
 * After an outage of the database every lease looks expired, because nobody could renew. So this
 * waits until its own renewals have succeeded without a gap for a whole lease; and when more than
 * half of the leases, and at least three, ran out together, it waits one lease more and counts no
 * crash against their jobs.
 */
export interface RecoveryOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly lease: LeaseClock
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** How many workers hold a lease, as last counted. */
  readonly onCounted: (held: number) => void
  readonly onRecovered: (queue: string) => void
  /** Blocked jobs of a queue became ready. */
  readonly onReady: (queue: string) => void
}

/** Jobs a pass. */
const MAX_RECOVERED = 1_000
/** Recovered jobs become ready within this long, in milliseconds: not all at once. */
const SPREAD_MS = 1_000
const MASS_AT_LEAST = 3

export class Recovery implements Service {
  readonly #options: RecoveryOptions
  readonly #loop: Loop
  /** Since when most leases have been expired, in monotonic milliseconds. */
  #massSince: number | null = null

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'recovery', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(): Promise<number> {
    const { hub, lease, leaseMs, heartbeatMs } = this.#options
    let revoked = 0
    let recovered = 0
    if (lease.steadyMs() >= leaseMs) {
      revoked = await this.#revoke()
      recovered = await this.#recover()
    }
    hub.emit('recovery.checked', { revoked, recovered })
    return recovered >= MAX_RECOVERED ? 0 : jittered(heartbeatMs)
  }

  async #revoke(): Promise<number> {
    const { database, clock, leaseMs, onCounted } = this.#options
    const [count] = await database.run(countLeases, [])
    const { expired, held } = count ?? { expired: 0, held: 0 }
    onCounted(held - expired)
    if (expired === 0) {
      this.#massSince = null
      return 0
    }
    const isMass = expired >= MASS_AT_LEAST && expired > held / 2
    if (isMass || this.#massSince !== null) {
      this.#massSince ??= clock.monotonic()
      if (clock.monotonic() - this.#massSince < leaseMs) return 0
    }
    const hasAmnesty = this.#massSince !== null
    return (await database.run(revokeLeases, [hasAmnesty])).length
  }

  async #recover(): Promise<number> {
    const { database, hub, onRecovered, onReady } = this.#options
    const rows = await database.engine(recoverJobs, [MAX_RECOVERED, MAX_CRASHES, SPREAD_MS])
    if (rows.length === 0) return 0
    const ids: string[] = []
    for (const { id, queue, verdict } of rows) {
      if (id === null || verdict === 'ready') {
        onReady(queue)
        continue
      }
      ids.push(id)
      if (verdict === 'recovered') onRecovered(queue)
      else hub.emit('job.finished', { id, state: verdict })
    }
    hub.emit('jobs.recovered', { ids })
    return ids.length
  }
}
