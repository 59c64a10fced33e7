import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import { plainArray, textArray } from '../../database/array-literal.ts'
import { claimedJob, claimSummary, type MaxAttemptsOf } from '../../database/rows.ts'
import type { ClaimAnswerRow, ClaimRequest } from '../../database/statements/jobs.ts'
import { type ClaimLedger, InFlightClaims } from '../attempts/claim-ledger.ts'
import type { ExpensiveScan } from '../maintenance/watermark-updater.ts'
import { ScanCursor } from './scan-cursor.ts'

export interface ClaimAnswer {
  /** Whether nothing may be claimed from the queue: it is paused or not declared. */
  readonly isClosed: boolean
  /** Rows that were scanned, and how many jobs could have been claimed. */
  readonly scanned: number
  readonly requested: number
  /** How long until the next start of a queue that has none left, in milliseconds, or 0. */
  readonly waitMs: number
  readonly jobs: readonly ClaimedJob[]
  /** Whether all that is ready was scanned, from the first row on. */
  readonly isFullScan: boolean
}

/** One claim with its request. The caller calls one of the two. */
export interface Claim {
  readonly request: ClaimRequest
  answered(rows: readonly ClaimAnswerRow[]): ClaimAnswer
  lost(): void
}

export interface ClaimerOptions {
  /** Names of the functions that this worker knows. */
  readonly names: readonly string[]
  readonly maxAttemptsOf: MaxAttemptsOf
  readonly clock: Clock
  readonly ledger: ClaimLedger
  /** The database says that this worker's lease is revoked. */
  readonly onRevoked: (workerId: string) => void
}

/** Makes the claims of one queue and reads their answers. Its cursor says how far they have scanned. */
export class Claimer {
  readonly #queue: string
  readonly #names: string
  readonly #maxAttemptsOf: MaxAttemptsOf
  readonly #clock: Clock
  readonly #onRevoked: (workerId: string) => void
  /** The claims of this queue that were sent and not answered. */
  readonly inFlight: InFlightClaims
  readonly #cursor = new ScanCursor()

  constructor(queue: string, { names, maxAttemptsOf, clock, ledger, onRevoked }: ClaimerOptions) {
    this.#queue = queue
    this.#names = textArray(names)
    this.#maxAttemptsOf = maxAttemptsOf
    this.#clock = clock
    this.#onRevoked = onRevoked
    this.inFlight = new InFlightClaims(ledger.inFlight)
  }

  /** `limit`: the most jobs to claim. `hasBacklog`: the last claim found as many as it asked for. */
  begin(worker: string, limit: number, hasBacklog: boolean): Claim {
    const claim = this.inFlight.begin(limit)
    const sentAt = this.#clock.monotonic()
    const ranges = this.#cursor.ranges(sentAt, hasBacklog)
    const request = { queue: this.#queue, worker, maxJobs: limit, names: this.#names, ranges }
    return {
      request,
      answered: (rows) => {
        claim.answered()
        return this.#read(request, sentAt, rows)
      },
      lost: () => claim.lost(),
    }
  }

  /** How long until the next full scan is due, in milliseconds. */
  fullScanInMs(): number {
    return Math.ceil(this.#cursor.fullScanInMs(this.#clock.monotonic()))
  }

  /** The queue, when a full scan of it is expensive. */
  expensiveScan(): ExpensiveScan | null {
    const { expensive } = this.#cursor
    if (expensive.length === 0) return null
    return { queue: this.#queue, priorities: plainArray(expensive) }
  }

  #read(
    { queue, worker, ranges }: ClaimRequest,
    sentAt: number,
    [head, ...rows]: readonly ClaimAnswerRow[],
  ): ClaimAnswer {
    const { queueState, scanned, requested, waitMs, scanUs, ...claim } = claimSummary(head)
    if (queueState === 'revoked') this.#onRevoked(worker)
    const common = { ...claim, queue, workerId: worker, maxAttemptsOf: this.#maxAttemptsOf }
    const jobs = rows.map((row) => claimedJob(row, common)).sort(byPosition)
    if (ranges === null) this.#cursor.scannedAll(sentAt, scanUs)
    this.#cursor.claimed(jobs)
    return {
      isClosed: queueState === 'paused' || queueState === 'undeclared',
      scanned,
      requested,
      waitMs,
      jobs,
      isFullScan: ranges === null,
    }
  }
}

/** The rows of a claim have no order. */
function byPosition(a: ClaimedJob, b: ClaimedJob): number {
  return b.priority - a.priority || a.position - b.position
}
