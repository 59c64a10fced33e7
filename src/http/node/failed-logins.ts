import { systemClock } from '../../core/clock.ts'
import type { Refusal } from '../access.ts'
import type { Peer } from '../peer.ts'
import { Rates } from '../rates.ts'

const A_MINUTE = 10

/** How often an address may fail to sign in: ten times a minute. */
export class FailedLogins {
  readonly #rates = new Rates(systemClock, A_MINUTE / 60, A_MINUTE)

  /** Counts a failure, and says what is answered: that it failed, or to wait. */
  failed({ remoteAddress = 'unknown' }: Peer, challenge: string): Refusal {
    const waitMs = this.#rates.tryTake(remoteAddress)
    return waitMs === 0 ? { challenge } : { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  }

  /**
   * Null: it may try, and is counted until `succeeded`. Guesses that are sent together are counted before the first of
   * them is answered.
   */
  begun({ remoteAddress = 'unknown' }: Peer): Refusal | null {
    const waitMs = this.#rates.tryTake(remoteAddress)
    return waitMs === 0 ? null : { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  }

  succeeded({ remoteAddress = 'unknown' }: Peer): void {
    this.#rates.giveBack(remoteAddress)
  }

  /** Null: it may try. An address that failed too often is not asked for its password. */
  refusal({ remoteAddress = 'unknown' }: Peer): Refusal | null {
    const waitMs = this.#rates.waitMs(remoteAddress)
    return waitMs === 0 ? null : { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  }
}
