import type { Database } from '../database/database.ts'
import { renewLease } from '../database/statements/workers.ts'
import { type LeaseClock, now } from './lease-clock.ts'

export interface RenewalSettings {
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly maxBlockedMs: number
}

/** What renewing tells the worker's loop. */
export type RenewalNews =
  | { readonly kind: 'renewed'; readonly workerId: string; readonly cancelling: readonly string[] }
  | { readonly kind: 'revoked'; readonly workerId: string }
  | { readonly kind: 'failed'; readonly workerId: string; readonly message: string }
  | { readonly kind: 'silent'; readonly workerId: string; readonly silentMs: number }

/** After a failed renewal the next one comes sooner: the lease is running out. */
const RETRY_MS = 500

/** Trust ends this much before the lease does. */
export function marginMs(leaseMs: number): number {
  return Math.max(leaseMs * 0.15, Math.min(1_000, leaseMs / 2))
}

/**
 * One renewal, by one small statement. Gives back how long to wait for the next.
 *
 * When the loop has not ticked for `maxBlockedMs` the lease is let go: a worker whose loop hangs for
 * good would otherwise hold its jobs for ever.
 */
export async function renewOnce(
  database: Database,
  workerId: string,
  clock: LeaseClock,
  settings: RenewalSettings,
  tell: (news: RenewalNews) => void,
): Promise<number> {
  const { leaseMs, heartbeatMs, maxBlockedMs } = settings
  const silentMs = clock.silentMs()
  if (silentMs > maxBlockedMs) {
    tell({ kind: 'silent', workerId, silentMs })
    return heartbeatMs
  }
  const requestedAt = now()
  try {
    const deadlineMs = Math.max(1_000, leaseMs / 3)
    const [row] = await database.run(renewLease, [workerId, leaseMs], { deadlineMs })
    if (row === undefined) {
      clock.distrust()
      tell({ kind: 'revoked', workerId })
      return heartbeatMs
    }
    clock.renewed(requestedAt, leaseMs, marginMs(leaseMs))
    const cancelling = row.cancelling === null ? [] : row.cancelling.split(',')
    tell({ kind: 'renewed', workerId, cancelling })
    return heartbeatMs
  } catch (error) {
    tell({ kind: 'failed', workerId, message: String((error as Error).message) })
    return Math.min(RETRY_MS, heartbeatMs)
  }
}
