import type { Logger } from '../core/logger.ts'
import { loggedError } from '../database/logged-error.ts'
import type { Hub } from '../events/hub.ts'
import type { ClaimLedger } from './attempts/claim-ledger.ts'
import type { RenewalResult } from './lease/lease-renewal.ts'
import type { WorkerLease } from './lease/worker-lease.ts'
import type { WorkerParts } from './worker-parts.ts'

export interface LeaseFollowerOptions {
  readonly hub: Hub
  readonly log: Logger
  readonly lease: WorkerLease
  readonly ledger: ClaimLedger
  /** Null before the start. */
  readonly parts: () => WorkerParts | null
  /** Whether the heartbeat has an address of its own. */
  readonly hasHeartbeatUrl: boolean
  /** Aborts when the worker stops. */
  readonly signal: AbortSignal
}

/** Follows the lease of a worker: what each renewal means for its claims and its running jobs. */
export class LeaseFollower {
  readonly #options: LeaseFollowerOptions
  #isAtRisk = false

  constructor(options: LeaseFollowerOptions) {
    this.#options = options
  }

  renewed(result: RenewalResult): void {
    const { hub, log, lease, parts } = this.#options
    if (result.workerId !== lease.id) return
    switch (result.kind) {
      case 'renewed':
        parts()?.cancels.found(result.cancelling)
        this.#restored()
        if (result.wasInterrupted) this.#hasten()
        hub.emit('lease.renewed', { workerId: lease.id })
        return
      case 'revoked':
        this.revoked(result.workerId)
        return
      case 'failed':
        if (!lease.isTrusted) {
          this.#atRisk(result.message)
          hub.emit('lease.at_risk', { workerId: lease.id })
        }
        hub.emit('database.error', { what: 'renewing the lease', error: result.message })
        return
      case 'silent':
        log.error({ silentMs: result.silentMs }, 'event loop blocked too long, lease released')
        return
      default:
        result satisfies never
    }
  }

  /** The lease is lost, and with it every claim: the worker continues under a new id. */
  revoked(workerId: string): void {
    const { hub, log, lease, ledger, parts, signal } = this.#options
    if (workerId !== lease.id) return
    lease.forfeit()
    log.warn(
      { workerId, newId: lease.id },
      'lease lost, running jobs aborted: another worker found it expired',
    )
    parts()?.runners.forget()
    for (const { stop } of ledger.forgetAll()) stop.ask('lost')
    hub.emit('worker.revoked', { workerId })
    if (signal.aborted) return
    lease
      .acquire()
      .then(() => {
        parts()?.heartbeat.renewNow(lease.id)
        parts()?.runners.wakeAll()
      })
      .catch((error) => log.error(loggedError(error), 'no new lease was acquired'))
  }

  /** Logged once: a worker that claims nothing and logs nothing would look like one without work. */
  #atRisk(message: string): void {
    if (this.#isAtRisk) return
    this.#isAtRisk = true
    const { log, lease, hasHeartbeatUrl } = this.#options
    const where = hasHeartbeatUrl ? ', and the option "heartbeatUrl" of this worker' : ''
    log.error(
      { workerId: lease.id, reason: message },
      `lease at risk, claiming suspended: it cannot be renewed, and jobs that run may be started again elsewhere. Check the server and the network${where}`,
    )
  }

  #restored(): void {
    if (!this.#isAtRisk) return
    this.#isAtRisk = false
    const { log, lease } = this.#options
    log.info({ workerId: lease.id }, 'lease restored, claiming resumed')
  }

  /** The database can be reached again: waits after failures, and for the next poll, end. */
  #hasten(): void {
    const parts = this.#options.parts()
    if (parts === null) return
    const { buffer, reconciler, stager, recovery, watcher, runners } = parts
    for (const one of [buffer, reconciler, stager, recovery, watcher, runners]) one.hasten()
  }
}
