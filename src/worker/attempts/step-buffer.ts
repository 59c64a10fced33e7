import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import type { DurableSave, SaveAnswer, StepRecord } from '../../core/durable-record.ts'
import { nextDelayMs } from '../../core/retry-delay.ts'
import type { Database } from '../../database/database.ts'
import { classify } from '../../database/retry.ts'
import { isAboutRow, isRefusal, sqlStateOf, UNIQUE_VIOLATION } from '../../database/sql-state.ts'
import { type SavedStepsRow, saveSteps } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'
import { Patience } from '../patience.ts'
import { jobsOf, mayWait, nextBatch, type PendingSave, saveValues } from './step-batch.ts'

export interface StepBufferOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly leaseMs: number
  /** Jobs to wake, for signals that were sent with records: in a transaction that holds nothing. */
  readonly onSignaled: (ids: readonly string[]) => void
}

interface Waiting extends PendingSave {
  readonly resolve: (answer: SaveAnswer) => void
  readonly reject: (error: unknown) => void
  /** The attempt has ended: what was not sent is not sent any more. */
  isLeft: boolean
}

const LOST: SaveAnswer = Object.freeze({ kind: 'lost' })

/**
 * Saves what the durable jobs of a worker record, all of them together, one statement at a time: what is recorded while
 * one is under way shares the next. Each save is *saved*, or *lost*: another attempt has the job. While the database
 * cannot be reached a save waits, and so does its job; it is sent again until its attempt ends.
 */
export class StepBuffer {
  readonly #options: StepBufferOptions
  #waiting: Waiting[] = []
  /** In a statement of their own, since they may wait for a transaction of a caller. */
  readonly #apart = new Set<string>()
  readonly #sent = new Map<Waiting, Promise<void>>()
  #flight: Promise<void> | null = null
  readonly #patience: Patience

  constructor(options: StepBufferOptions) {
    this.#options = options
    this.#patience = new Patience(options.leaseMs)
  }

  /** Rejects when the database refuses what is saved. */
  save(job: ClaimedJob, save: DurableSave, resets: boolean): Promise<SaveAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, save, resets, resolve, reject, isLeft: false })
      this.#flight ??= this.#fly()
    })
  }

  /** The attempt has ended. Resolves when nothing of it is being saved: its outcome must come after that. */
  async leave(job: ClaimedJob): Promise<void> {
    const left = this.#waiting.filter((one) => one.job === job)
    if (left.length > 0) {
      this.#waiting = this.#waiting.filter((one) => one.job !== job)
      for (const { resolve } of left) resolve(LOST)
    }
    const sent = [...this.#sent].filter(([one]) => one.job === job)
    for (const [one] of sent) one.isLeft = true
    await Promise.all(sent.map(([, saving]) => saving))
  }

  async #fly(): Promise<void> {
    // After this turn of the event loop, so that steps that end together are saved together.
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      const batch = nextBatch(this.#waiting, this.#apart)
      if (batch.length === 0) break
      const taken = new Set(batch)
      this.#waiting = this.#waiting.filter((one) => !taken.has(one))
      const [first] = batch
      if (first !== undefined && mayWait(first)) this.#flyApart(first)
      else await this.#send(batch)
    }
    this.#flight = null
  }

  #flyApart(one: Waiting): void {
    const { id } = one.job
    this.#apart.add(id)
    void this.#send([one]).then(() => {
      this.#apart.delete(id)
      if (this.#waiting.length > 0) this.#flight ??= this.#fly()
    })
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const saving = this.#save(batch, false)
    for (const one of batch) this.#sent.set(one, saving)
    await saving
    for (const one of batch) this.#sent.delete(one)
  }

  /** Never rejects: the saves do. */
  async #save(all: readonly Waiting[], isAgain: boolean): Promise<void> {
    const { database, hub, clock } = this.#options
    let again = isAgain
    let delayMs = 0
    for (;;) {
      const batch = all.filter(({ isLeft }) => !isLeft)
      for (const { isLeft, resolve } of all) if (isLeft) resolve(LOST)
      if (batch.length === 0) return
      const jobs = jobsOf(batch)
      try {
        const { deadlineMs } = this.#patience
        const rows = await database.engine(saveSteps, saveValues(batch, jobs, again), {
          deadlineMs,
        })
        this.#patience.answered()
        this.#answered(batch, jobs, rows)
        return
      } catch (error) {
        this.#patience.failed(error)
        again ||= classify(error) === 'ambiguous'
        // An earlier try is there, whose answer was lost.
        if (sqlStateOf(error) === UNIQUE_VIOLATION && !again) {
          again = true
          continue
        }
        if (isAboutRow(error) || isRefusal(error)) return this.#refused(batch, error, again)
        hub.emit('database.error', { what: 'saving steps', error })
        delayMs = nextDelayMs(delayMs)
        await clock.sleep(delayMs)
      }
    }
  }

  /** By halves, so that what is refused holds up no other job. */
  async #refused(batch: readonly Waiting[], error: unknown, again: boolean): Promise<void> {
    const [only] = batch
    if (batch.length === 1) return only?.reject(error)
    const ids = new Set(batch.map(({ job }) => job.id))
    // A job whose saves are together in one statement stays together.
    const half = new Set([...ids].slice(0, Math.max(1, ids.size >> 1)))
    if (ids.size === 1) {
      for (const one of batch) await this.#save([one], again)
      return
    }
    await this.#save(
      batch.filter(({ job }) => half.has(job.id)),
      again,
    )
    await this.#save(
      batch.filter(({ job }) => !half.has(job.id)),
      again,
    )
  }

  #answered(
    batch: readonly Waiting[],
    jobs: readonly ClaimedJob[],
    rows: readonly SavedStepsRow[],
  ): void {
    const rowOf = new Map(rows.map((row) => [jobs[row.job - 1]?.id, row]))
    const signaled = new Set<string>()
    // From the last one on: the numbers of the earlier ones follow.
    const behind = new Map<string, number>()
    const answers = batch.map((): SaveAnswer => LOST)
    for (const [at, { job, save }] of [...batch.entries()].reverse()) {
      const row = rowOf.get(job.id)
      if (row === undefined) continue
      for (const target of row.signaled?.split(',') ?? []) signaled.add(target)
      const more = behind.get(job.id) ?? 0
      behind.set(job.id, more + save.records.length)
      answers[at] = { kind: 'saved', last: row.last - more, changed: changedOf(save, row.changed) }
    }
    for (const [at, { resolve }] of batch.entries()) resolve(answers[at] ?? LOST)
    if (signaled.size > 0) this.#options.onSignaled([...signaled])
  }
}

/** What was saved otherwise than it was given. */
function changedOf(save: DurableSave, text: string | null): readonly StepRecord[] {
  if (text === null) return []
  const stored = JSON.parse(text) as readonly Pick<
    StepRecord,
    'n' | 'kind' | 'name' | 'result' | 'error'
  >[]
  return stored.flatMap((one) => {
    const given = save.records.find(({ kind, name }) => kind === one.kind && name === one.name)
    if (given === undefined) return []
    const isSame =
      given.error === null && one.error === null && isSameJson(given.result, one.result)
    return isSame ? [] : [{ ...given, n: one.n, result: one.result, error: one.error }]
  })
}

function isSameJson(a: string | null, b: string | null): boolean {
  return (
    a === b || JSON.stringify(JSON.parse(a ?? 'null')) === JSON.stringify(JSON.parse(b ?? 'null'))
  )
}
