import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { claimedJob } from '../database/rows.ts'
import { heldJobs } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import { Loop } from './loop.ts'
import type { ClaimWatch } from './queue-runner.ts'
import type { Service } from './service.ts'

/**
 * Finds jobs that bear this worker's id and that it does not know: a claim was committed and its
 * answer lost. Without this they would stand still until the worker's end.
 *
 * A row may be unknown for two harmless reasons: the claim that took it is still on its way, and the
 * outcome was saved while this looked. So the look is judged only when every claim that was under
 * way at its beginning has been answered or lost, and what was settled since then does not count.
 */
export interface AdoptionOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  /** Whether the job is claimed, runs, or is on its way to be saved. */
  readonly knows: (job: ClaimedJob) => boolean
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
  #saved: Set<string> | null = null
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

  /** An outcome was saved: a look that began before it may still see the row. */
  settled(id: string): void {
    this.#saved?.add(id)
  }

  async #pass(): Promise<number> {
    const { database, hub, knows, adopt, workerId } = this.#options
    const id = workerId()
    const saved = new Set<string>()
    this.#saved = saved
    const underWay = [...this.#underWay.values()].map(({ ended }) => ended)
    const rows = await database.run(heldJobs, [id])
    await Promise.all(underWay)
    this.#saved = null
    const unknown =
      workerId() === id
        ? rows
            .map((row) => claimedJob(row, row.queue, id))
            .filter((job) => !saved.has(job.id) && !knows(job))
        : []
    if (unknown.length > 0) {
      adopt(unknown)
      hub.emit('jobs.adopted', { ids: unknown.map((job) => job.id) })
    }
    hub.emit('adoption.checked', { adopted: unknown.length })
    return this.#soon.shift() ?? INTERVAL_MS
  }
}
