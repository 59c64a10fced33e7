import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { nextDelayMs } from '../../core/retry-delay.ts'
import { type JobUpdate, type SettledState, unsavedFailure } from '../../core/settle.ts'
import type { Database } from '../../database/database.ts'
import { classify } from '../../database/retry.ts'
import { isAboutRow, isMissingPartition, isRefusal } from '../../database/sql-state.ts'
import { type FlowRow, isOfFlow } from '../../database/statements/flow-row.ts'
import { createPartitions } from '../../database/statements/history.ts'
import { completeJobs, type FinishRow, finishValues } from '../../database/statements/jobs.ts'
import type { Hub } from '../../events/hub.ts'
import type { SavedAttempt } from '../../plugin/hooks/saved-attempt.ts'
import { Patience } from '../patience.ts'
import type { ClaimLedger } from './claim-ledger.ts'
import { judgeDoubtful } from './doubtful-outcomes.ts'
import { RefusedOutcomes } from './refused-outcomes.ts'
import { SavedAttemptView, savedJob } from './saved-attempt-view.ts'

/**
 * Gathers outcomes and saves them in batches under their fences: one batch at a time, and a second one
 * concurrently while a full batch is waiting.
 *
 * Each row of a batch is *saved*, or *lost*: another attempt owns the job by now, nothing was written, and
 * nothing is tried again. A batch whose answer was lost is sent again and finds its rows saved. While the
 * database cannot be reached the batch is kept and sent with backoff; above the high-water mark the runners
 * stop claiming. A row that the database refuses for its values is found by halving the batch and saved as
 * a failure that says so: it holds up no other row. A batch that is refused for any other reason is kept
 * apart and tried again: see `RefusedOutcomes`.
 */
export interface OutcomeBufferOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly leaseMs: number
  /** Called after the commit of a batch. Null: no plugin has such a hook. */
  readonly onSaved: ((saved: readonly SavedAttempt[]) => void) | null
  /** Claims of which every job has ended: their rows are removed with the next batch. */
  readonly ledger: ClaimLedger
  /** Called with the saved outcomes of durable jobs. */
  readonly onDurable: (saved: readonly JobUpdate[]) => void
  /** What the end of a step led to in its workflow. */
  readonly onFlow: (row: FlowRow) => void
  /** Jobs of this queue are ready again. */
  readonly onReady: (queue: string) => void
  /** It takes outcomes again after it was full. */
  readonly onCapacity: () => void
}

/** Outcomes of one statement: with more of them a row costs the same. */
const MAX_BATCH = 1_000
/** Batches in flight concurrently. */
const MAX_FLIGHTS = 2
/** A batch that the server has refused this often is kept apart: one of its rows may be the reason. */
const REFUSALS = 2
/** Above this many the runners stop claiming. */
const HIGH_WATER = 4 * MAX_BATCH

export class OutcomeBuffer {
  readonly #options: OutcomeBufferOptions
  #waiting: JobUpdate[] = []
  readonly #flights = new Set<Promise<void>>()
  /** Outcomes of the batches in flight. */
  #sending = 0
  #ended = 0
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
        this.#publishCapacity()
        return kept
      },
    })
  }

  /** Outcomes that were saved so far. */
  get ended(): number {
    return this.#ended
  }

  get isFull(): boolean {
    return this.#waiting.length + this.#refused.size >= HIGH_WATER
  }

  /** The database can be reached again: ends the waits after failures. */
  hasten(): void {
    this.#backoff.abort()
    this.#backoff = new AbortController()
  }

  add(update: JobUpdate): void {
    this.#waiting.push(update)
    this.#options.ledger.saving(update.job)
    this.#wasFull ||= this.isFull
    const flights = this.#flights.size
    if (flights === 0 || (flights < MAX_FLIGHTS && this.#waiting.length >= MAX_BATCH)) this.#fly()
  }

  /** Resolves when everything is saved, or `timeoutMs` have passed. True when nothing is left. */
  async drained(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options
    const drained = new AbortController()
    const timeout = clock.sleep(timeoutMs, drained.signal).then(() => this.#givenUp.abort())
    this.#refused.hurry()
    while (!this.#givenUp.signal.aborted) {
      const under = [...this.#flights, ...this.#refused.pending]
      if (under.length === 0) break
      await Promise.race([...under, timeout])
    }
    drained.abort()
    return this.#waiting.length + this.#sending + this.#refused.size === 0
  }

  /** Every runner claims then, so only after they had stopped for it. */
  #publishCapacity(): void {
    if (!this.#wasFull || this.isFull) return
    this.#wasFull = false
    this.#options.onCapacity()
  }

  #fly(): void {
    const flight: Promise<void> = this.#saveWaiting(() => this.#flights.delete(flight))
    this.#flights.add(flight)
  }

  /** `onEnd` is called together with the last check, or an outcome that is added after it would stay. */
  async #saveWaiting(onEnd: () => void): Promise<void> {
    // After this turn of the event loop, so that jobs that end together are saved together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0 && !this.#givenUp.signal.aborted) {
      const all = this.#waiting
      this.#waiting = all.slice(MAX_BATCH)
      const batch = all.length > MAX_BATCH ? all.slice(0, MAX_BATCH) : all
      this.#sending += batch.length
      const kept = await this.#save(batch)
      this.#sending -= batch.length
      if (kept.length > 0) this.#waiting = [...kept, ...this.#waiting]
      this.#publishCapacity()
    }
    onEnd()
  }

  /** Returns what could not be saved before it was given up. */
  async #save(batch: readonly JobUpdate[]): Promise<readonly JobUpdate[]> {
    const [first] = batch
    if (first === undefined) return []
    // After a lost lease a batch may hold outcomes of two ids.
    const { workerId } = first.job
    const own = batch.filter(({ job }) => job.workerId === workerId)
    const others =
      own.length === batch.length ? [] : batch.filter((update) => !own.includes(update))
    const kept = await this.#saveAs(workerId, own)
    return [...kept, ...(await this.#save(others))]
  }

  /** `isInDoubt`: it was sent before, and the answer was lost. */
  async #saveAs(
    workerId: string,
    batch: readonly JobUpdate[],
    isInDoubt = false,
  ): Promise<readonly JobUpdate[]> {
    let wasSent = isInDoubt
    const { database, hub, clock, ledger } = this.#options
    const { signal } = this.#givenUp
    const sorted = [...batch].sort(byId)
    let delayMs = 0
    let isCreated = false
    let refusals = 0
    for (;;) {
      const removable = ledger.takeRemovable()
      const backoff = this.#backoff.signal
      try {
        const { deadlineMs } = this.#patience
        const values = finishValues(workerId, sorted, removable)
        const rows = await database.engine(completeJobs, values, { deadlineMs })
        ledger.removed(removable)
        this.#patience.answered()
        return await this.#answered(workerId, sorted, rows, wasSent)
      } catch (error) {
        ledger.putBack(removable)
        this.#patience.failed(error)
        wasSent ||= classify(error) === 'ambiguous'
        if (isMissingPartition(error) && !isCreated) {
          // The partition of the day is missing: no worker ran to create it ahead.
          isCreated = true
          if (await this.#createPartitions()) continue
        } else if (isAboutRow(error)) {
          return this.#halved(workerId, sorted, error, wasSent)
        } else if (isRefusal(error) && ++refusals >= REFUSALS) {
          this.#refused.add(sorted, error)
          return []
        }
        hub.emit('database.error', { what: 'saving outcomes', error })
        delayMs = nextDelayMs(backoff.aborted ? 0 : delayMs)
        await clock.sleep(delayMs, AbortSignal.any([signal, this.#backoff.signal]))
        if (signal.aborted) return sorted
      }
    }
  }

  async #createPartitions(): Promise<boolean> {
    try {
      await this.#options.database.run(createPartitions, [7])
      return true
    } catch (error) {
      this.#options.hub.emit('database.error', {
        what: 'creating partitions of the history',
        error,
      })
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
      // Not even its failure can be saved.
      this.#refused.add([only], error)
      return []
    }
    return this.#saveAs(workerId, [unsavedFailure(only, (error as Error).message)], isInDoubt)
  }

  async #answered(
    workerId: string,
    batch: readonly JobUpdate[],
    rows: readonly FinishRow[],
    isInDoubt: boolean,
  ): Promise<readonly JobUpdate[]> {
    const verdicts = new Map<string, FinishRow['verdict']>()
    let atMs = 0
    for (const { id, verdict, queue, saved_ms } of rows) {
      if (isOfFlow(verdict)) this.#options.onFlow({ verdict, owner: id, name: queue })
      else if (queue !== null) this.#options.onReady(queue)
      else if (id !== null) verdicts.set(id, verdict)
      else atMs = saved_ms ?? 0
    }
    const again =
      verdicts.size === 0 ? [] : batch.filter(({ job }) => verdicts.get(job.id) === 'again')
    const taken =
      verdicts.size === 0 ? [] : batch.filter(({ job }) => verdicts.get(job.id) === 'lost')
    const { hub, database, ledger } = this.#options
    const isDoubtful = isInDoubt && taken.length > 0
    const judged = isDoubtful ? await judgeDoubtful(database, taken) : null
    const lost = judged?.lost ?? taken
    for (const { job } of lost) {
      hub.emit('outcome.rejected', { id: job.id, name: job.name, fence: job.fence })
    }
    const settled =
      taken.length + again.length === 0
        ? batch
        : batch.filter((update) => !taken.includes(update) && !again.includes(update))
    const saved = judged === null ? settled : [...settled, ...judged.saved]
    for (const { job } of settled) ledger.settled(job)
    for (const { job } of taken) ledger.settled(job)
    this.#ended += saved.length
    this.#publish(saved, verdicts, atMs)
    hub.emit('outcomes.saved', { saved: saved.length, lost: lost.length })
    return again.length === 0 ? [] : this.#saveAs(workerId, again, isInDoubt)
  }

  #publish(
    saved: readonly JobUpdate[],
    verdicts: ReadonlyMap<string, FinishRow['verdict']>,
    atMs: number,
  ): void {
    const { hub, onSaved } = this.#options
    const stateOf = (update: JobUpdate): SettledState =>
      verdicts.get(update.job.id) === 'cancelled' ? 'cancelled' : update.state
    if (hub.has('job.finished')) {
      for (const update of saved) {
        const state = stateOf(update)
        if (state === 'pending' || state === 'retrying') continue
        hub.emit('job.finished', { id: update.job.id, state })
      }
    }
    const durable: JobUpdate[] = []
    for (const update of saved) {
      if (update.error !== null) this.#publishFailure(update)
      if (update.isDurable === true) durable.push(update)
      // Where something had come already, the answer said that its queue has a job.
      if (update.parked !== undefined) continue
      if (update.state !== 'retrying' && update.state !== 'pending') continue
      if (update.delayMs > 0) hub.emit('job.scheduled', { queue: update.job.queue })
      else this.#options.onReady(update.job.queue)
    }
    if (durable.length > 0) this.#options.onDurable(durable)
    if (hub.has('job.saved')) {
      for (const update of saved) {
        hub.emit('job.saved', { job: savedJob(update, stateOf(update), atMs) })
      }
    }
    if (onSaved === null || saved.length === 0) return
    onSaved(saved.map((update) => new SavedAttemptView(update, stateOf(update), atMs)))
  }

  #publishFailure({ job, state, error }: JobUpdate): void {
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
