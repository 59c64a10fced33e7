import type { ClaimedJob } from '../core/claimed-job.ts'
import { Stop, type StopReason } from '../core/stop.ts'
import { OpenClaims } from './open-claims.ts'

/** A job that this worker has claimed and not yet settled. */
export interface RunningAttempt {
  readonly job: ClaimedJob
  readonly stop: Stop
}

/** What this worker holds, by job. The truth is in the database; this says whom to ask to stop. */
export class RunningAttempts {
  readonly claims = new OpenClaims()
  readonly #attempts = new Map<string, RunningAttempt>()

  get size(): number {
    return this.#attempts.size
  }

  /** Whether this attempt of the job is held, or a later one. */
  knows({ id, fence }: ClaimedJob): boolean {
    const known = this.#attempts.get(id)
    return known !== undefined && known.job.fence >= fence
  }

  /**
   * A job that is handed over again while an older attempt of it runs here (after a failover or a
   * crash that lost a claim): the older one is dropped, and so is its outcome. Null when this very
   * attempt is held already.
   */
  add(job: ClaimedJob): RunningAttempt | null {
    const older = this.#attempts.get(job.id)
    if (older?.job.fence === job.fence && older.job.workerId === job.workerId) return null
    if (older !== undefined) {
      older.stop.ask('lost')
      this.claims.ended(older.job.claim)
    }
    this.claims.began(job.claim)
    const attempt = { job, stop: new Stop() }
    this.#attempts.set(job.id, attempt)
    return attempt
  }

  /** False when another attempt of the job has taken its place: then the outcome is nobody's. */
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

  /** Forgets everything and gives it back: their outcomes count no more. */
  takeAll(): RunningAttempt[] {
    const all = [...this.#attempts.values()]
    this.#attempts.clear()
    this.claims.clear()
    return all
  }
}
