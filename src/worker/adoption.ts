import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import { plainArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { claimedJob, type MaxAttemptsOf } from '../database/rows.ts'
import { heldJobs, ownClaims, removeClaims } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import type { ClaimWatch } from './claimer.ts'
import { Loop } from './loop.ts'
import type { OpenClaims } from './open-claims.ts'
import { answerDeadlineMs } from './patience.ts'
import type { Service } from './service.ts'

/**
 * Finds jobs that bear this worker's id and that it does not know: a claim was committed and its
 * answer lost. Without this they would stand still until the worker's end.
 *
 * A claim may be unknown for a harmless reason: it is still on its way. So whatever was read is judged
 * only when every claim that was under way by then has been answered or lost. And a job may be known
 * by an older attempt, whose outcome is on its way again: then the one of the row is another, unknown.
 */
export interface AdoptionOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  /** Whether this attempt of the job, or a later one, is claimed, runs, or is on its way to be saved. */
  readonly knows: (job: ClaimedJob) => boolean
  readonly claims: OpenClaims
  readonly maxAttemptsOf: MaxAttemptsOf
  readonly leaseMs: number
  readonly adopt: (jobs: readonly ClaimedJob[]) => void
  readonly onRevoked: (workerId: string) => void
}

const INTERVAL_MS = 5_000
/** After a lost answer, its backend may take its time to commit: look soon, and again. */
const SOON_MS = [50, 250, 700, 1_500]

export class Adoption implements Service, ClaimWatch {
  readonly #options: AdoptionOptions
  readonly #loop: Loop
  readonly #underWay = new Map<symbol, { ended: Promise<void>; end: () => void }>()
  #soon: number[] = []

  constructor(options: AdoptionOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) =>
        options.hub.emit('database.troubled', { what: 'looking for unknown jobs', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#loop.hasten()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  begun(): symbol {
    const claim = Symbol('claim')
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#underWay.set(claim, { ended, end })
    return claim
  }

  answered(claim: symbol): void {
    // The jobs are handed over in the same turn of the loop, before anybody else looks.
    this.#underWay.get(claim)?.end()
    this.#underWay.delete(claim)
  }

  lost(claim: symbol): void {
    this.answered(claim)
    this.#soon = [...SOON_MS]
    this.#loop.wake()
  }

  revoked(workerId: string): void {
    this.#options.onRevoked(workerId)
  }

  async #pass(): Promise<number> {
    const { database, hub, claims, workerId } = this.#options
    const id = workerId()
    const options = { deadlineMs: answerDeadlineMs(this.#options.leaseMs) }
    const rows = await database.run(ownClaims, [id], options)
    await this.#allAnswered()
    // Numbers that no claim of ours has are of rows that were written by hand.
    const unknown = rows
      .map((row) => Number(row.claim_seq))
      .filter((claim) => Number.isSafeInteger(claim) && !claims.has(claim))
    const adopted = unknown.length === 0 ? 0 : await this.#adopt(id, unknown)
    await this.#remove(id)
    hub.emit('adoption.checked', { adopted })
    return this.#soon.shift() ?? INTERVAL_MS
  }

  async #adopt(id: string, unknown: readonly number[]): Promise<number> {
    const { database, hub, claims, knows, adopt, workerId, maxAttemptsOf } = this.#options
    const options = { deadlineMs: answerDeadlineMs(this.#options.leaseMs) }
    const rows = await database.run(heldJobs, [id, plainArray(unknown)], options)
    await this.#allAnswered()
    if (workerId() !== id) return 0
    const jobs = rows
      .map((row) =>
        claimedJob(row, {
          queue: row.queue,
          workerId: id,
          claim: Number(row.claim_seq),
          startedMs: row.started_ms,
          maxAttemptsOf,
        }),
      )
      .filter((job) => !knows(job))
    if (jobs.length > 0) {
      adopt(jobs)
      hub.emit('jobs.adopted', { ids: jobs.map((job) => job.id) })
    }
    // One that still has a running job keeps its row: by it the job is found when this worker is gone.
    const holding = new Set(rows.map((row) => Number(row.claim_seq)))
    for (const claim of unknown) if (!holding.has(claim)) claims.isOver(claim)
    return jobs.length
  }

  /** Resolves when every claim that is under way now has been answered or lost. */
  async #allAnswered(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended))
  }

  /** While outcomes are saved their statement does this. */
  async #remove(id: string): Promise<void> {
    const { database, claims } = this.#options
    const over = claims.takeOver()
    if (over.length === 0) return
    try {
      await database.run(removeClaims, [id, plainArray(over)])
    } catch (error) {
      claims.putBack(over)
      throw error
    }
  }
}
