import type { ClaimedJob } from '../../core/claimed-job.ts'
import { type StopReason, StopRequest } from '../../core/stop-request.ts'

/** A job that this worker has claimed and whose outcome is not decided. */
export interface RunningAttempt {
  readonly job: ClaimedJob
  readonly stop: StopRequest
}

/**
 * What this worker has claimed: claims in flight, jobs that are held, outcomes that are being saved, and
 * claims of which only the row is left. The tables decide; the ledger says which of their rows this
 * worker knows of, so that a row it does not know is one whose claim lost its answer.
 *
 * A job is added with the answer of its claim, is saving once its outcome is decided, and is settled when
 * the outcome is saved or refused. The database keeps a row for each claim with jobs that have not ended:
 * by it the jobs of a worker that is gone are found. Once all jobs of a claim are settled its row is
 * removed with the next outcomes.
 */
export class ClaimLedger {
  readonly running = new RunningAttempts()
  readonly inFlight = new InFlightClaims()
  /** How many jobs are not settled, by the number of their claim. */
  readonly #unsettled = new Map<number, number>()
  /** Claims whose rows are to be removed. */
  #removable = new Set<number>()
  /** Claims whose rows are being removed: their jobs may run under a later claim, and are not to be found by these. */
  readonly #removing = new Set<number>()
  readonly #saving = new Set<ClaimedJob>()

  /** Jobs that are held, and outcomes that are being saved. */
  get size(): number {
    return this.running.size + this.#saving.size
  }

  /** Whether this attempt of the job, or a later one, is held or being saved. */
  knows(job: ClaimedJob): boolean {
    if (this.running.holds(job)) return true
    for (const { id, fence } of this.#saving) if (id === job.id && fence >= job.fence) return true
    return false
  }

  /** Whether the answer of this claim has arrived and its row is still needed, or is there until it is removed. */
  knowsClaim(claimSeq: number): boolean {
    return (
      this.#unsettled.has(claimSeq) || this.#removable.has(claimSeq) || this.#removing.has(claimSeq)
    )
  }

  /**
   * Adds a job that was claimed. An older attempt of it that runs here (after a failover or a crash that
   * lost a claim) is asked to stop and its outcome is dropped. Null when this very attempt is held already.
   */
  add(job: ClaimedJob): RunningAttempt | null {
    const older = this.running.of(job.id)
    if (older?.job.fence === job.fence && older.job.workerId === job.workerId) return null
    if (older !== undefined) {
      older.stop.ask('lost')
      this.#ended(older.job.claimSeq)
    }
    this.#unsettled.set(job.claimSeq, (this.#unsettled.get(job.claimSeq) ?? 0) + 1)
    return this.running.add(job)
  }

  /** The outcome of a job was decided and is to be saved. */
  saving(job: ClaimedJob): void {
    this.#saving.add(job)
  }

  /** Whether the outcome of this very attempt is being saved. */
  isSaving(job: ClaimedJob): boolean {
    return this.#saving.has(job)
  }

  /** The outcome was saved, or another attempt owns the job by now. */
  settled(job: ClaimedJob): void {
    this.#saving.delete(job)
    this.#ended(job.claimSeq)
  }

  /** A claim of which no job is left running: only its row remains. */
  claimEnded(claimSeq: number): void {
    if (!this.#unsettled.has(claimSeq)) this.#removable.add(claimSeq)
  }

  /** Claims whose rows are to be removed. The caller removes them and calls `removed`, or `putBack`. */
  takeRemovable(): readonly number[] {
    if (this.#removable.size === 0) return []
    const claims = [...this.#removable]
    this.#removable = new Set()
    for (const claimSeq of claims) this.#removing.add(claimSeq)
    return claims
  }

  /** The rows are gone. */
  removed(claims: readonly number[]): void {
    for (const claimSeq of claims) this.#removing.delete(claimSeq)
  }

  putBack(claims: readonly number[]): void {
    this.removed(claims)
    for (const claimSeq of claims) this.#removable.add(claimSeq)
  }

  /**
   * The lease is lost: forgets everything that was claimed under it, and returns the attempts. Their
   * outcomes are dropped; those that are being saved already stay known until they are settled.
   */
  forgetAll(): RunningAttempt[] {
    this.#unsettled.clear()
    this.#removable.clear()
    this.#removing.clear()
    return this.running.takeAll()
  }

  #ended(claimSeq: number): void {
    const left = (this.#unsettled.get(claimSeq) ?? 0) - 1
    if (left > 0) this.#unsettled.set(claimSeq, left)
    // A claim made under an earlier id of this worker is not known any more: recovery removes its row.
    else if (this.#unsettled.delete(claimSeq)) this.#removable.add(claimSeq)
  }
}

/** What this worker holds, by job. The tables decide; this says which attempt to ask to stop. */
export class RunningAttempts {
  readonly #attempts = new Map<string, RunningAttempt>()

  get size(): number {
    return this.#attempts.size
  }

  /** Whether this attempt of the job is held, or a later one. */
  holds({ id, fence }: ClaimedJob): boolean {
    const held = this.#attempts.get(id)
    return held !== undefined && held.job.fence >= fence
  }

  of(id: string): RunningAttempt | undefined {
    return this.#attempts.get(id)
  }

  /** Called by the ledger: an attempt of the same job is replaced. */
  add(job: ClaimedJob): RunningAttempt {
    const attempt = { job, stop: new StopRequest() }
    this.#attempts.set(job.id, attempt)
    return attempt
  }

  /** False when another attempt of the job has taken its place: then its outcome is dropped. */
  remove(attempt: RunningAttempt): boolean {
    if (this.#attempts.get(attempt.job.id) !== attempt) return false
    this.#attempts.delete(attempt.job.id)
    return true
  }

  /** Asks one job to stop. False when it is not held, or was asked before. */
  ask(id: string, reason: StopReason): boolean {
    const stop = this.#attempts.get(id)?.stop
    if (stop === undefined || stop.reason !== null) return false
    stop.ask(reason)
    return true
  }

  /** Whether the job is held and was not asked to stop. */
  mayStop(id: string): boolean {
    return this.#attempts.get(id)?.stop.reason === null
  }

  askAll(reason: StopReason): void {
    for (const { stop } of this.#attempts.values()) stop.ask(reason)
  }

  /** Everything that is held now. */
  all(): RunningAttempt[] {
    return [...this.#attempts.values()]
  }

  takeAll(): RunningAttempt[] {
    const all = this.all()
    this.#attempts.clear()
    return all
  }
}

/** Claims that were sent and whose answers have not arrived: of one queue, or of all queues of a worker. */
export class InFlightClaims {
  /** Called after a claim of these was lost. */
  onLost: () => void = () => {}
  readonly #all: InFlightClaims | null
  readonly #claims = new Set<InFlightClaim>()
  #reserved = 0

  /** `all`: a larger set that these claims belong to as well. */
  constructor(all: InFlightClaims | null = null) {
    this.#all = all
  }

  get size(): number {
    return this.#claims.size
  }

  /** The most jobs that they may bring together. */
  get reserved(): number {
    return this.#reserved
  }

  begin(reserved: number): InFlightClaim {
    const claim = new InFlightClaim(reserved, (ended, isLost) => this.#end(ended, isLost))
    this.#begin(claim)
    return claim
  }

  /** Resolves when every claim that is in flight now was answered or lost. */
  async ended(): Promise<void> {
    await Promise.all([...this.#claims].map(({ ended }) => ended))
  }

  #begin(claim: InFlightClaim): void {
    if (this.#all !== null) this.#all.#begin(claim)
    this.#claims.add(claim)
    this.#reserved += claim.reserved
  }

  #end(claim: InFlightClaim, isLost: boolean): void {
    if (this.#claims.delete(claim)) this.#reserved -= claim.reserved
    if (this.#all !== null) this.#all.#end(claim, isLost)
    if (isLost) this.onLost()
  }
}

/**
 * One claim from its statement to its answer: `InFlightClaims.begin` makes it, `answered` or `lost` ends
 * it. A claim whose answer cannot be read is lost after it was answered.
 */
class InFlightClaim {
  /** The most jobs that it may bring. */
  readonly reserved: number
  /** Resolves as soon as the code that ends it has returned: its jobs are in the ledger by then. */
  readonly ended: Promise<void>
  readonly #onEnd: (claim: InFlightClaim, isLost: boolean) => void
  #resolve = (): void => {}

  constructor(reserved: number, onEnd: (claim: InFlightClaim, isLost: boolean) => void) {
    this.reserved = reserved
    this.#onEnd = onEnd
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** The caller adds its jobs to the ledger before it returns to the event loop. */
  answered(): void {
    this.#end(false)
  }

  /** It failed, or its answer does not arrive: it may still be committed. */
  lost(): void {
    this.#end(true)
  }

  #end(isLost: boolean): void {
    this.#onEnd(this, isLost)
    this.#resolve()
  }
}
