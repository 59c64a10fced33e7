import { Deadline } from '../core/clock.ts'
import { type LeaseClock, type LeaseTimes, now } from './lease-clock.ts'
import { answerDeadlineMs } from './patience.ts'

export interface RenewalSettings extends LeaseTimes {
  readonly maxBlockedMs: number
}

/** Whose lease is renewed: the id, and the term in which the worker has it. */
export interface RenewalTarget {
  readonly workerId: string
  readonly term: bigint
}

/** The answer of the database. Undefined: the lease was revoked, or its row is gone. */
export type RenewedRow = { readonly cancelling: string | null } | undefined

/** One way to the database: a connection, or any of a pool. */
export interface RenewalRoute {
  renew(workerId: string, leaseMs: number, deadlineMs: number): Promise<RenewedRow>
  /** It is not used any more. */
  close(): void
}

/** What renewing tells the worker's loop. */
export type RenewalNews =
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

/** After a failed renewal the next one comes sooner: the lease is running out. */
const RETRY_MS = 500
/** Routes that are tried at once. */
const MAX_ROUTES = 3
/** A route that has not answered for so long gets another one beside it, in milliseconds. */
const SECOND_ROUTE_MS = { least: 100, most: 1_000 }

export interface LeaseRenewalOptions {
  readonly open: () => RenewalRoute
  readonly lease: LeaseClock
  readonly settings: RenewalSettings
}

/**
 * Renews a lease by one small statement, on one route as long as that answers.
 *
 * A connection that has died in silence must not cost the lease. So a route that does not answer soon
 * gets a second one beside it, and that a third; the first answer counts, and its route is kept. To
 * renew twice does no harm.
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
   * When the loop has not ticked for `maxBlockedMs` the lease is released: a worker whose loop hangs for
   * good would otherwise hold its jobs for ever.
   */
  async once(target: RenewalTarget, publish: (news: RenewalNews) => void): Promise<number> {
    const { lease, settings } = this.#options
    const { workerId, term } = target
    const silentMs = lease.silentMs()
    if (silentMs > settings.maxBlockedMs) {
      publish({ kind: 'silent', workerId, silentMs })
      return settings.heartbeatMs
    }
    try {
      const { row, requestedAt } = await this.#renew(workerId)
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
  #renew(workerId: string): Promise<{ row: RenewedRow; requestedAt: bigint }> {
    const { open, settings } = this.#options
    const deadlineMs = answerDeadlineMs(settings.leaseMs)
    const trying = new Set<RenewalRoute>()
    return new Promise((resolve, reject) => {
      let isOver = false
      let tries = 0
      const end = (): void => {
        isOver = true
        clearInterval(more)
        deadline.clear()
        for (const route of trying) if (route !== this.#route) route.close()
      }
      const begin = (route: RenewalRoute): void => {
        tries++
        trying.add(route)
        const requestedAt = now()
        route.renew(workerId, settings.leaseMs, deadlineMs).then(
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
            // The first was lost: another is tried at once.
            if (tries === 1) return begin(open())
            if (trying.size > 0) return
            end()
            reject(error)
          },
        )
      }
      const more = setInterval(() => {
        if (trying.size < MAX_ROUTES) begin(open())
      }, this.#secondRouteMs)
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
