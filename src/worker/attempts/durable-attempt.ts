import type { ClaimedJob } from '../../core/claimed-job.ts'
import { type Clock, callAfter } from '../../core/clock.ts'
import type {
  DurableHistory,
  DurableHost,
  DurableSave,
  OpenWait,
  SaveAnswer,
  StepRecord,
  TransactionSql,
} from '../../core/durable-record.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { PushRow } from '../../core/push-row.ts'
import type { StopRequest } from '../../core/stop-request.ts'
import type { Hub } from '../../events/hub.ts'
import type { Beginning } from './history-reader.ts'
import { withPushedRows } from './pushed-rows.ts'
import type { StepBuffer } from './step-buffer.ts'
import type { TakenRecords, WaitTaker } from './wait-taker.ts'

export interface DurableAttemptOptions {
  readonly job: ClaimedJob
  readonly stop: StopRequest
  readonly beginning: Beginning
  /** Its records could not be read, or another attempt has the job: it does not begin. */
  readonly isUnread: boolean
  readonly sql: TransactionSql
  readonly buffer: StepBuffer
  readonly taker: WaitTaker
  readonly hub: Hub
  readonly clock: Clock
  /** What each job passes that it pushes. Null: nothing. */
  readonly onPush: ((row: PushRow) => PushRow) | null
}

/** Half of what a run may record: from there on the application is notified. */
const HALF_STEPS = 5_000
const HALF_BYTES = 8 * 1_024 ** 2

/** What one attempt of a durable job reaches of its worker. */
export class DurableAttempt implements DurableHost {
  readonly history: DurableHistory
  readonly sql: TransactionSql
  readonly #options: DurableAttemptOptions
  /** When it began, by the clock of the database and by the monotonic one of this process. */
  readonly #beganMs: number
  readonly #beganAt: number
  /** Names of waits that the row of the job has. */
  readonly #kept: Set<string>
  readonly #ended = new AbortController()
  readonly #callOff: () => void
  #isExpired = false
  #hasRecorded: boolean
  #steps: number
  #bytes: number

  constructor(options: DurableAttemptOptions) {
    const { job, clock } = options
    const { history, isGiven } = options.beginning
    this.#options = options
    this.history = history
    this.sql = options.sql
    this.#beganMs = job.startedMs
    this.#beganAt = clock.monotonic()
    this.#kept = new Set(history.waits.map(({ name }) => name))
    this.#hasRecorded = isGiven
    this.#steps = history.steps.length
    this.#bytes = history.steps.reduce((sum, { result }) => sum + (result?.length ?? 0), 0)
    this.#callOff = this.#limited()
  }

  /** How the attempt ends without a run, or null. */
  get outcome(): Outcome | null {
    if (this.#options.isUnread) return { kind: 'interrupted' }
    return this.#isExpired ? { kind: 'expired' } : null
  }

  get hasRecorded(): boolean {
    return this.#hasRecorded
  }

  async save(given: DurableSave): Promise<SaveAnswer> {
    const { job, buffer, onPush } = this.#options
    const save = onPush === null ? given : withPushedRows(given, onPush)
    const isFirst = !this.#hasRecorded && save.records.length > 0
    const counts = job.attempts > 1 || (job.extras.crashes ?? 0) > 0
    const answer = await buffer.save(job, save, isFirst && counts)
    if (answer.kind === 'saved') {
      for (const { name } of save.waits) this.#kept.add(name)
      this.#count(save.records)
    }
    return answer
  }

  async resume(waits: readonly OpenWait[], signal: AbortSignal): Promise<readonly StepRecord[]> {
    if (!(await this.#keep(waits))) return []
    const { job, taker } = this.#options
    const either = AbortSignal.any([signal, this.#ended.signal])
    const names = waits.map(({ name }) => name)
    const taken = await taker.wait(job, names, this.#dueMs(waits), either)
    return taken === 'lost' ? [] : this.#taken(taken)
  }

  async take(waits: readonly OpenWait[]): Promise<TakenRecords> {
    if (!(await this.#keep(waits))) return 'lost'
    const { job, taker } = this.#options
    const names = waits.map(({ name }) => name)
    const taken = await taker.take(job, names)
    return taken === 'lost' ? taken : this.#taken(taken)
  }

  /** A transaction of the user has recorded a step. */
  recorded(): void {
    this.#hasRecorded = true
  }

  /** The attempt has ended. Resolves with its outcome, when nothing of it is being saved. */
  async end(outcome: Outcome): Promise<Outcome> {
    this.#callOff()
    this.#ended.abort()
    await this.#options.buffer.leave(this.#options.job)
    return outcome.kind === 'timed-out' && this.#isExpired ? { kind: 'expired' } : outcome
  }

  /** Ends the attempt at the deadline of the job. */
  #limited(): () => void {
    const { beginning, stop, clock, job } = this.#options
    const { deadlineMs } = beginning
    if (deadlineMs === null) return () => {}
    const expire = (): void => {
      this.#isExpired = true
      stop.ask('timed-out')
    }
    const leftMs = deadlineMs - job.startedMs
    if (leftMs > 0) return callAfter(clock.limits ?? clock, leftMs, expire, 'lets-process-end')
    this.#isExpired = true
    return () => {}
  }

  /** What is waited for must be in the row of the job, by whose times it ends. False: the attempt is lost. */
  async #keep(waits: readonly OpenWait[]): Promise<boolean> {
    const fresh = waits.filter(({ name }) => !this.#kept.has(name))
    if (fresh.length === 0) return true
    const save = { records: [], waits: fresh, push: [], signals: [], values: {} }
    return (await this.save(save)).kind === 'saved'
  }

  /** How long until the first of them ends by its time, in milliseconds. */
  #dueMs(waits: readonly OpenWait[]): number | null {
    const nowMs = this.#beganMs + this.#options.clock.monotonic() - this.#beganAt
    const dues = waits.flatMap(({ untilMs, afterMs }) => {
      if (untilMs !== null) return [untilMs - nowMs]
      return afterMs === null ? [] : [afterMs]
    })
    // A little later than the database's clock, or it would be asked a moment too early.
    return dues.length === 0 ? null : Math.min(...dues) + 5
  }

  #taken(records: readonly StepRecord[]): readonly StepRecord[] {
    this.#count(records)
    return records
  }

  #count(records: readonly { readonly result: string | null }[]): void {
    if (records.length === 0) return
    this.#hasRecorded = true
    const wasHalf = this.#isHalf
    this.#steps += records.length
    for (const { result } of records) this.#bytes += result?.length ?? 0
    if (wasHalf || !this.#isHalf) return
    const { job, hub } = this.#options
    hub.emit('job.history', { id: job.id, name: job.name, steps: this.#steps, bytes: this.#bytes })
  }

  get #isHalf(): boolean {
    return this.#steps >= HALF_STEPS || this.#bytes >= HALF_BYTES
  }
}
