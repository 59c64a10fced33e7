import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { claimedJob, type MaxAttemptsOf } from '../../database/rows.ts'
import { heldJobs, ownClaims, removeClaims } from '../../database/statements/jobs.ts'
import type { Hub } from '../../events/hub.ts'
import { type Periodic, periodic } from '../../services/periodic.ts'
import type { Service } from '../../services/service.ts'
import type { ClaimLedger } from '../attempts/claim-ledger.ts'
import { answerDeadlineMs } from '../patience.ts'

export interface ClaimReconcilerOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  readonly ledger: ClaimLedger
  readonly maxAttemptsOf: MaxAttemptsOf
  readonly leaseMs: number
  /** Called with the jobs that were found: they are to run, or to be released. */
  readonly reclaim: (jobs: readonly ClaimedJob[]) => void
}

/** After a lost answer: the server process may still commit the claim, so there are several passes. */
const AFTER_LOSS_MS = [50, 250, 700, 1_500]

/**
 * Compares the claims of this worker in the database with its ledger. A row of `claims` that the ledger
 * does not know belongs to a claim that was committed and whose answer was lost. Its jobs are handed to
 * their queues, or they would stay `running` and idle until the lease of this worker ends.
 *
 * A claim may also be unknown because its answer is still on the way. So what was read is compared only
 * after every claim that was in flight by then was answered or lost. A job may be known by an earlier
 * attempt whose outcome is being sent again: the attempt of the row is then another one, and unknown.
 */
export class ClaimReconciler implements Service {
  readonly #options: ClaimReconcilerOptions
  readonly #passes: Periodic
  /** The waits between the passes after a lost answer. */
  #waitsMs: number[] = []

  constructor(options: ClaimReconcilerOptions) {
    this.#options = options
    options.ledger.inFlight.onLost = () => this.#claimLost()
    this.#passes = periodic(
      { name: 'reconciling claims', every: '5s', pass: () => this.#pass() },
      options,
    )
  }

  start(): void {
    this.#passes.start()
  }

  /** Ends the wait for the next pass. */
  wake(): void {
    this.#passes.wake()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#passes.hasten()
  }

  stop(): Promise<void> {
    return this.#passes.stop()
  }

  #claimLost(): void {
    this.#waitsMs = [...AFTER_LOSS_MS]
    this.#passes.wake()
  }

  async #pass(): Promise<number | undefined> {
    const { database, hub, ledger, workerId } = this.#options
    const id = workerId()
    const options = { deadlineMs: answerDeadlineMs(this.#options.leaseMs) }
    const rows = await database.run(ownClaims, [id], options)
    await ledger.inFlight.ended()
    // Other numbers are those of rows that were written by hand.
    const unknown = rows
      .map((row) => Number(row.claim_seq))
      .filter((claim) => Number.isSafeInteger(claim) && !ledger.knowsClaim(claim))
    const reclaimed = unknown.length === 0 ? 0 : await this.#reclaim(id, unknown)
    await this.#remove(id)
    hub.emit('claims.reconciled', { reclaimed })
    return this.#waitsMs.shift()
  }

  async #reclaim(id: string, unknown: readonly number[]): Promise<number> {
    const { database, hub, ledger, reclaim, workerId, maxAttemptsOf } = this.#options
    const options = { deadlineMs: answerDeadlineMs(this.#options.leaseMs) }
    const rows = await database.run(heldJobs, [id, plainArray(unknown)], options)
    await ledger.inFlight.ended()
    if (workerId() !== id) return 0
    const jobs = rows
      .map((row) =>
        claimedJob(row, {
          queue: row.queue,
          workerId: id,
          claimSeq: Number(row.claim_seq),
          startedMs: row.started_ms,
          maxAttemptsOf,
        }),
      )
      .filter((job) => !ledger.knows(job))
    if (jobs.length > 0) {
      reclaim(jobs)
      hub.emit('jobs.reclaimed', { ids: jobs.map((job) => job.id) })
    }
    // A claim with a running job keeps its row: recovery finds the job by it when this worker is gone.
    const holding = new Set(rows.map((row) => Number(row.claim_seq)))
    for (const claim of unknown) if (!holding.has(claim)) ledger.claimEnded(claim)
    return jobs.length
  }

  /** The statement that saves outcomes does the same; this is for times without one. */
  async #remove(id: string): Promise<void> {
    const { database, ledger } = this.#options
    const removable = ledger.takeRemovable()
    if (removable.length === 0) return
    try {
      await database.run(removeClaims, [id, plainArray(removable)])
      ledger.removed(removable)
    } catch (error) {
      ledger.putBack(removable)
      throw error
    }
  }
}
