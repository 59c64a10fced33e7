import type { Chancy } from '../../app/chancy.ts'
import { isChancyError } from '../../core/errors.ts'
import type { Call } from '../call.ts'

/** How long after a failure it is tried again, in milliseconds. */
const RETRY_MS = 2_000
const CARRYING = new WeakSet<Chancy>()
/** Failures after which another try is no use: the role lacks a right, or the Chancy is closed. */
const FINAL: readonly string[] = [
  'CLOSED',
  'MIGRATIONS_NEEDED',
  'RIGHTS_MISSING',
  'DATABASE_FAILED',
]

/**
 * Carries on bulk actions in this process until none is due or the handler closes: there may be no worker. One loop an
 * application.
 */
export function carryOn({ chancy, clock, closed }: Call): void {
  if (CARRYING.has(chancy) || closed.aborted) return
  CARRYING.add(chancy)
  void loop(chancy, clock, closed).finally(() => CARRYING.delete(chancy))
}

async function loop(chancy: Chancy, clock: Call['clock'], closed: AbortSignal): Promise<void> {
  while (!closed.aborted) {
    try {
      await chancy.bulk.carry({ signal: closed })
      return
    } catch (error) {
      if (!isChancyError(error) || FINAL.includes(error.code)) return
      await clock.sleep(RETRY_MS, closed).catch(() => {})
    }
  }
}
