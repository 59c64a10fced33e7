import { callEvery, Deadline, systemClock } from '../../core/clock.ts'
import { answerDeadlineMs } from '../patience.ts'
import type { LeaseState, LeaseTimes } from './lease-state.ts'

export interface RenewalSettings extends LeaseTimes {
  readonly maxLoopBlockMs: number
}

/** The lease that is renewed: the id of its worker, and the term in which the worker has it. */
export interface RenewalTarget {
  readonly workerId: string
  readonly term: bigint
  /** What its worker last said of itself, as JSON. */
  readonly figures: string | null
}

/** The answer of the database. Undefined: the lease was revoked, or its row is gone. */
export type RenewedRow = { readonly cancelling: string | null } | undefined

/** One way to the database: a connection, or any of a pool. */
export interface RenewalRoute {
  renew(target: RenewalTarget, leaseMs: number, deadlineMs: number): Promise<RenewedRow>
  /** The route is not used any more. */
  close(): void
}

/** The result of a renewal, for the loop of the worker. */
export type RenewalResult =
  | {
      readonly kind: 'renewed'
      readonly workerId: string
      readonly cancelling: readonly string[]
      /** Whether a renewal before it had failed, or its connection was lost. */
      readonly wasInterrupted: boolean
    }
  | { readonly kind: 'revoked'; readonly workerId: string }
  | { readonly kind: 'failed'; readonly workerId: string; readonly message: string }
  | { readonly kind: 'silent'; readonly workerId: string; readonly silentMs: number }

/** How long to wait after a failed renewal, in milliseconds: the lease is about to expire. */
const RETRY_MS = 500
/** Routes that are tried concurrently. */
const MAX_ROUTES = 3
/** A route that has not answered for so long gets another one beside it, in milliseconds. */
const SECOND_ROUTE_MS = { least: 100, most: 1_000 }

export interface LeaseRenewalOptions {
  readonly open: () => RenewalRoute
  readonly lease: LeaseState
  readonly settings: RenewalSettings
}

/**
 * Renews a lease by one small statement, on one route as long as that answers.
 *
 * A connection that died without a reset must not cost the lease. So when a route does not answer soon, a
 * second one is tried concurrently, then a third; the first answer counts, and its route is kept. Renewing
 * twice is harmless.
 */
export class LeaseRenewal {
  readonly #options: LeaseRenewalOptions
  readonly #secondRouteMs: number
  #route: RenewalRoute | null = null
  #wasInterrupted = false

  constructor(options: LeaseRenewalOptions) {
    this.#options = options
    const { least, most } = SECOND_ROUTE_MS
    this.#secondRouteMs = Math.min(most, Math.max(least, options.settings.leaseMs / 15))
  }

  /**
   * One renewal. Returns how long to wait for the next.
   *
   * When the loop has not ticked for `maxLoopBlockMs` the lease is not renewed: a worker whose loop never
   * continues would otherwise hold its jobs for ever.
   */
  async once(target: RenewalTarget, publish: (result: RenewalResult) => void): Promise<number> {
    const { lease, settings } = this.#options
    const { workerId, term } = target
    const silentMs = lease.silentMs()
    if (silentMs > settings.maxLoopBlockMs) {
      publish({ kind: 'silent', workerId, silentMs })
      return settings.heartbeatMs
    }
    try {
      const { row, requestedAt } = await this.#renew(target)
      if (row === undefined) {
        lease.revoked(term)
        publish({ kind: 'revoked', workerId })
        return settings.heartbeatMs
      }
      lease.renewed(term, requestedAt, settings)
      const cancelling = row.cancelling === null ? [] : row.cancelling.split(',')
      const wasInterrupted = this.#wasInterrupted
      this.#wasInterrupted = false
      publish({ kind: 'renewed', workerId, cancelling, wasInterrupted })
      return settings.heartbeatMs
    } catch (error) {
      publish({ kind: 'failed', workerId, message: String((error as Error).message) })
      return Math.min(RETRY_MS, settings.heartbeatMs)
    }
  }

  close(): void {
    this.#route?.close()
    this.#route = null
  }

  /** The first answer of any route. */
  #renew(target: RenewalTarget): Promise<{ row: RenewedRow; requestedAt: bigint }> {
    const { open, settings, lease } = this.#options
    const deadlineMs = answerDeadlineMs(settings.leaseMs)
    const trying = new Set<RenewalRoute>()
    return new Promise((resolve, reject) => {
      let isOver = false
      let tries = 0
      const end = (): void => {
        isOver = true
        endMore()
        deadline.clear()
        for (const route of trying) if (route !== this.#route) route.close()
      }
      const begin = (route: RenewalRoute): void => {
        tries++
        trying.add(route)
        const requestedAt = lease.now()
        route.renew(target, settings.leaseMs, deadlineMs).then(
          (row) => {
            if (isOver) return
            this.#wasInterrupted ||= tries > 1
            this.#route = route
            end()
            resolve({ row, requestedAt })
          },
          (error) => {
            route.close()
            trying.delete(route)
            if (isOver) return
            this.#wasInterrupted = true
            // The first connection was lost: another is tried immediately.
            if (tries === 1) return begin(open())
            if (trying.size > 0) return
            end()
            reject(error)
          },
        )
      }
      const endMore = callEvery(systemClock, this.#secondRouteMs, () => {
        if (trying.size < MAX_ROUTES) begin(open())
      })
      const deadline = new Deadline(deadlineMs, () => {
        this.#wasInterrupted = true
        end()
        reject(new Error(`The database did not answer within ${Math.round(deadlineMs)} ms`))
      })
      const route = this.#route ?? open()
      this.#route = null
      begin(route)
    })
  }
}
