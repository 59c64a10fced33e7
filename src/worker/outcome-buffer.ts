import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import { type JobUpdate, notSaved, type SettledState } from '../core/settle.ts'
import type { Database } from '../database/database.ts'
import { classify, nextDelayMs } from '../database/retry.ts'
import { isAboutRow, isMissingPartition, isRefusal } from '../database/sql-state.ts'
import { makeDays } from '../database/statements/history.ts'
import { completeJobs, type FinishRow } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import { judgeDoubtful } from './doubtful-outcomes.ts'
import type { OpenClaims } from './open-claims.ts'
import { finishValues, savedJob } from './outcome-values.ts'
import { Patience } from './patience.ts'
import { RefusedOutcomes } from './refused-outcomes.ts'

/**
 * Gathers outcomes and saves them in batches under their fences: one batch at a time, and a second
 * one beside it while a whole batch is waiting.
 *
 * Of a batch each row is *saved*, or *lost* (another attempt owns the job by now: nothing was
 * written, and nothing is tried again). A batch whose answer was lost is sent again and finds its
 * rows saved. When the database is away the batch is kept and sent with backoff; above the high-water
 * mark the runners stop claiming. A row that the database refuses for its values is found by halving
 * the batch and saved as a failure that says so, so that one bad row never holds up the others. A
 * batch that is refused for any other reason is kept apart and tried again: see `RefusedOutcomes`.
 */
export interface OutcomeBufferOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly leaseMs: number
  /** After the commit of a batch; null when nobody wants to know. */
  readonly onSaved: ((jobs: readonly QueuedJob[]) => Promise<void>) | null
  /** An outcome was saved, or the job belongs to somebody else by now. */
  readonly onSettled: (job: ClaimedJob) => void
  /** Claims of which every job has ended: their rows go with the next batch. */
  readonly claims: OpenClaims
  /** Jobs went back to a queue with a place in the line. */
  readonly onReady: (queue: string) => void
  /** There is room again after it was full. */
  readonly onRoom: () => void
}

/** Outcomes a statement: beyond this it only gets longer, not cheaper a row. */
const MAX_BATCH = 1_000
/** Batches on their way at once. */
const MAX_FLIGHTS = 2
/** A batch that the server has refused this often is kept apart: one of its rows may be the reason. */
const REFUSALS = 2
/** Above this many the runners stop claiming. */
const HIGH_WATER = 4 * MAX_BATCH

export class OutcomeBuffer {
  readonly #options: OutcomeBufferOptions
  #waiting: JobUpdate[] = []
  readonly #flights = new Set<Promise<void>>()
  readonly #inFlight = new Set<JobUpdate>()
  readonly #refused: RefusedOutcomes
  readonly #patience: Patience
  #givenUp = new AbortController()
  /** Ends the waits after failures. */
  #backoff = new AbortController()
  #wasFull = false

  constructor(options: OutcomeBufferOptions) {
    this.#options = options
    this.#patience = new Patience(options.leaseMs)
    const { hub, clock, log } = options
    this.#refused = new RefusedOutcomes({
      hub,
      clock,
      log,
      signal: this.#givenUp.signal,
      save: async (batch) => {
        const kept = await this.#save(batch)
        this.#tellRoom()
        return kept
      },
    })
  }

  get isFull(): boolean {
    return this.#waiting.length + this.#refused.size >= HIGH_WATER
  }

  /** Whether the outcome of this attempt, or of a later one, is still on its way to be saved. */
  knows({ id, fence }: ClaimedJob): boolean {
    const isIt = ({ job }: JobUpdate): boolean => job.id === id && job.fence >= fence
    for (const update of this.#inFlight) if (isIt(update)) return true
    return this.#waiting.some(isIt) || this.#refused.some(isIt)
  }

  /** The database can be reached again: what waits to be sent again is sent now. */
  hasten(): void {
    this.#backoff.abort()
    this.#backoff = new AbortController()
  }

  add(update: JobUpdate): void {
    this.#waiting.push(update)
    this.#wasFull ||= this.isFull
    const flights = this.#flights.size
    if (flights === 0 || (flights < MAX_FLIGHTS && this.#waiting.length >= MAX_BATCH)) this.#fly()
  }

  /** Resolves when everything is saved, or `timeoutMs` have passed. True when nothing is left. */
  async drained(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options
    const over = new AbortController()
    const timeout = clock.sleep(timeoutMs, over.signal).then(() => this.#givenUp.abort())
    this.#refused.hurry()
    while (!this.#givenUp.signal.aborted) {
      const under = [...this.#flights, ...this.#refused.pending]
      if (under.length === 0) break
      await Promise.race([...under, timeout])
    }
    over.abort()
    return this.#waiting.length + this.#inFlight.size + this.#refused.size === 0
  }

  /** Every runner looks for work then, so only when they had stopped for it. */
  #tellRoom(): void {
    if (!this.#wasFull || this.isFull) return
    this.#wasFull = false
    this.#options.onRoom()
  }

  #fly(): void {
    const flight: Promise<void> = this.#saveWaiting(() => this.#flights.delete(flight))
    this.#flights.add(flight)
  }

  /** `onEnd` is called in the turn of the last look, or what is added after that look is left lying. */
  async #saveWaiting(onEnd: () => void): Promise<void> {
    // One turn of the loop, so that jobs that end together are saved together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0 && !this.#givenUp.signal.aborted) {
      const all = this.#waiting
      this.#waiting = all.slice(MAX_BATCH)
      const batch = all.length > MAX_BATCH ? all.slice(0, MAX_BATCH) : all
      for (const update of batch) this.#inFlight.add(update)
      const kept = await this.#save(batch)
      for (const update of batch) this.#inFlight.delete(update)
      if (kept.length > 0) this.#waiting = [...kept, ...this.#waiting]
      this.#tellRoom()
    }
    onEnd()
  }

  /** Gives back what could not be saved before the end was called. */
  async #save(batch: readonly JobUpdate[]): Promise<readonly JobUpdate[]> {
    const [first] = batch
    if (first === undefined) return []
    // After a lost lease a batch may hold outcomes of two ids.
    const { workerId } = first.job
    const own = batch.filter(({ job }) => job.workerId === workerId)
    const rest = own.length === batch.length ? [] : batch.filter((update) => !own.includes(update))
    const kept = await this.#saveAs(workerId, own)
    return [...kept, ...(await this.#save(rest))]
  }

  /** `isInDoubt`: it was sent before, and the answer was lost. */
  async #saveAs(
    workerId: string,
    batch: readonly JobUpdate[],
    isInDoubt = false,
  ): Promise<readonly JobUpdate[]> {
    let wasSent = isInDoubt
    const { database, hub, clock, claims } = this.#options
    const { signal } = this.#givenUp
    const sorted = [...batch].sort(byId)
    let delayMs = 0
    let madeDays = false
    let refusals = 0
    for (;;) {
      const over = claims.takeOver()
      const backoff = this.#backoff.signal
      try {
        const { deadlineMs } = this.#patience
        const values = finishValues(workerId, sorted, over)
        const rows = await database.engine(completeJobs, values, { deadlineMs })
        this.#patience.answered()
        return await this.#answered(workerId, sorted, rows, wasSent)
      } catch (error) {
        claims.putBack(over)
        this.#patience.failed(error)
        wasSent ||= classify(error) === 'ambiguous'
        if (isMissingPartition(error) && !madeDays) {
          // The day is missing: no worker was up to make it ahead.
          madeDays = true
          if (await this.#makeDays()) continue
        } else if (isAboutRow(error)) {
          return this.#halved(workerId, sorted, error, wasSent)
        } else if (isRefusal(error) && ++refusals >= REFUSALS) {
          this.#refused.add(sorted, error)
          return []
        }
        hub.emit('database.troubled', { what: 'saving outcomes', error })
        delayMs = nextDelayMs(backoff.aborted ? 0 : delayMs)
        await clock.sleep(delayMs, AbortSignal.any([signal, this.#backoff.signal]))
        if (signal.aborted) return sorted
      }
    }
  }

  async #makeDays(): Promise<boolean> {
    try {
      await this.#options.database.run(makeDays, [7])
      return true
    } catch (error) {
      this.#options.hub.emit('database.troubled', { what: 'making days of history', error })
      return false
    }
  }

  async #halved(
    workerId: string,
    batch: readonly JobUpdate[],
    error: unknown,
    isInDoubt: boolean,
  ): Promise<readonly JobUpdate[]> {
    const [only] = batch
    if (only === undefined) return []
    if (batch.length > 1) {
      const middle = batch.length >> 1
      const kept = await this.#saveAs(workerId, batch.slice(0, middle), isInDoubt)
      return [...kept, ...(await this.#saveAs(workerId, batch.slice(middle), isInDoubt))]
    }
    if (only.error?.kind === 'not-saved') {
      // Not even its failure is taken.
      this.#refused.add([only], error)
      return []
    }
    return this.#saveAs(workerId, [notSaved(only, (error as Error).message)], isInDoubt)
  }

  async #answered(
    workerId: string,
    batch: readonly JobUpdate[],
    rows: readonly FinishRow[],
    isInDoubt: boolean,
  ): Promise<readonly JobUpdate[]> {
    const verdicts = new Map<string, FinishRow['verdict']>()
    let atMs = 0
    for (const { id, verdict, at_ms } of rows) {
      if (id === null) atMs = at_ms ?? 0
      else if (verdict === 'ready') this.#options.onReady(id)
      else verdicts.set(id, verdict)
    }
    const again =
      verdicts.size === 0 ? [] : batch.filter(({ job }) => verdicts.get(job.id) === 'again')
    const taken =
      verdicts.size === 0 ? [] : batch.filter(({ job }) => verdicts.get(job.id) === 'lost')
    const { hub, database } = this.#options
    const isDoubtful = isInDoubt && taken.length > 0
    const judged = isDoubtful ? await judgeDoubtful(database, taken) : null
    const lost = judged?.lost ?? taken
    for (const { job } of lost) {
      hub.emit('job.lost', { id: job.id, name: job.name, fence: job.fence })
    }
    const known =
      taken.length + again.length === 0
        ? batch
        : batch.filter((update) => !taken.includes(update) && !again.includes(update))
    const saved = judged === null ? known : [...known, ...judged.saved]
    for (const { job } of known) this.#options.onSettled(job)
    for (const { job } of taken) this.#options.onSettled(job)
    this.#tell(saved, verdicts, atMs)
    hub.emit('outcomes.saved', { saved: saved.length, lost: lost.length })
    return again.length === 0 ? [] : this.#saveAs(workerId, again, isInDoubt)
  }

  #tell(
    saved: readonly JobUpdate[],
    verdicts: ReadonlyMap<string, FinishRow['verdict']>,
    atMs: number,
  ): void {
    const { hub, onSaved, log } = this.#options
    const stateOf = (update: JobUpdate): SettledState =>
      verdicts.get(update.job.id) === 'cancelled' ? 'cancelled' : update.state
    if (hub.has('job.finished')) {
      for (const update of saved) {
        const state = stateOf(update)
        if (state === 'pending' || state === 'retrying') continue
        hub.emit('job.finished', { id: update.job.id, state })
      }
    }
    for (const update of saved) {
      if (update.error !== null) this.#tellFailure(update)
      if (update.state !== 'retrying' && update.state !== 'pending') continue
      if (update.delayMs > 0) hub.emit('job.scheduled', { queue: update.job.queue })
      else this.#options.onReady(update.job.queue)
    }
    if (onSaved === null && !hub.has('job.saved')) return
    const jobs = saved.map((update) => savedJob(update, stateOf(update), atMs))
    for (const job of jobs) hub.emit('job.saved', { job })
    onSaved?.(jobs).catch((error) => log.error({ err: error }, 'a hook after saving failed'))
  }

  #tellFailure({ job, state, error }: JobUpdate): void {
    if (error === null) return
    this.#options.hub.emit('job.failed', {
      id: job.id,
      name: job.name,
      attempt: error.attempt,
      kind: error.kind,
      message: error.message ?? '',
      retried: state === 'retrying',
    })
  }
}

function byId(a: JobUpdate, b: JobUpdate): number {
  return a.job.id < b.job.id ? -1 : a.job.id > b.job.id ? 1 : 0
}
