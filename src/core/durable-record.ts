import type { PushRow } from './push-row.ts'
import type { SerializedError } from './serialize-error.ts'

/** What a durable job records. A step is known by its name; the kind under which it was recorded must be the same at a replay. */
export type StepKind =
  | 'step'
  | 'transaction'
  | 'sleep'
  | 'signal'
  | 'any'
  | 'invoke'
  | 'invoke-all'
  | 'push'
  | 'send-signal'
  | 'version'

/** What a step gave. */
export interface StepResult {
  readonly kind: StepKind
  readonly name: string
  /** JSON text of what the step gave; null where it failed. */
  readonly result: string | null
  readonly error: SerializedError | null
  /** By the clock of the database, in milliseconds since the epoch. */
  readonly startedMs: number
  readonly endedMs: number
}

/** One recorded step of a durable job. */
export interface StepRecord extends StepResult {
  /** The order in which results came, from 1 without gaps in a run. The host numbers them: see `DurableHost`. */
  readonly n: number
}

/** What a durable job waits for while it holds no slot. */
export interface OpenWait {
  readonly kind: 'sleep' | 'signal' | 'any' | 'invoke' | 'invoke-all'
  readonly name: string
  /** When a sleep or a timeout ends, by the clock of the database; null: no timeout, or not yet set (see `afterMs`). */
  readonly untilMs: number | null
  /** For a wait that was reached for the first time: how long from now. The save turns it into `untilMs`. */
  readonly afterMs: number | null
  /** When it was reached first, as its attempt knows the time of the database: `startedMs` of its record. */
  readonly startedMs: number
  /** Names of the signals of which the first one ends it. */
  readonly signals: readonly string[]
  /** Of `invoke` and `invoke-all`: how many children, and their jobs to push when it was reached for the first time. */
  readonly children: ChildJobs | null
}

/** A `FlowPlan`, of which only this is read on its way to the database. */
export interface InvokedPlan {
  readonly name: string
  readonly steps: readonly { readonly name: string; readonly job: PushRow | null }[]
}

export interface ChildJobs {
  /** Empty where they were pushed before. */
  readonly push: readonly PushRow[]
  /** Of `invoke`: the workflow that is pushed in place of jobs. Left out where it was pushed before, or there is none. */
  readonly workflow?: InvokedPlan
  readonly count: number
  readonly concurrency: number | null
  /** Whether all are waited for, whatever becomes of them; else the first failure cancels the rest. */
  readonly settle: boolean
}

/** What an attempt of a durable job starts with. */
export interface DurableHistory {
  /** 1 for the first run; each `continueWith` begins the next. */
  readonly run: number
  /** In the order of `n`. */
  readonly steps: readonly StepRecord[]
  /** Waits that were reached before and have not ended, with their times. */
  readonly waits: readonly OpenWait[]
  readonly values: Readonly<Record<string, unknown>>
  /** What `ctx.random()` is seeded with: the id of the job and the run; a fork has that of the original. */
  readonly seed: string
  /** Whether signals were left unread at the claim: a wait for one asks for them before the job parks. */
  readonly hasUnread: boolean
}

/** What is saved in one statement, under the fence, before the code continues. */
export interface DurableSave {
  /** In the order in which they came. */
  readonly records: readonly StepResult[]
  /** Reached for the first time, while a step still runs beside them, or with children to push. */
  readonly waits: readonly OpenWait[]
  /** Jobs of `ctx.push`: the first of the first record of kind `push`, and so on. Its result is `{ id, created }`. */
  readonly push: readonly PushRow[]
  /** Signals of `ctx.sendSignal`, in the order of the records of kind `send-signal`. Its result is `"sent"`. */
  readonly signals: readonly SentSignal[]
  /** Of `ctx.set`: JSON texts; null removes the key. */
  readonly values: Readonly<Record<string, string | null>>
}

/** To a job by its id, to the living job with a unique key, or to that with the key of `push`, pushed when none lives. */
export interface SentSignal {
  readonly jobId: string | null
  readonly uniqueKey: string | null
  readonly push: PushRow | null
  readonly name: string
  /** JSON text. */
  readonly value: string
  /** The same key for the same job counts once. */
  readonly key: string | null
}

/**
 * How a save ended: `last` is the number of the last record of the job, those of this save included. `changed` has the
 * records that were saved otherwise than they were given: a push that found its unique key taken, a signal to a job
 * that had finished (`"finished"`) or that there is not (an error).
 */
export type SaveAnswer =
  | { readonly kind: 'saved'; readonly last: number; readonly changed: readonly StepRecord[] }
  | { readonly kind: 'lost' }

/**
 * What `ctx.transaction` sends on the connection of the user, each one statement with one row as its answer.
 *
 * `recorded` takes the id of the job, the fence, the worker and the name of the step. `state` is `'new'`, `'recorded'`
 * (with `n`, `result`, `ended_ms`), `'lost'` (another attempt has the job) or `'absent'` (no such job: another database).
 * `save` is the last statement before the commit and takes the id, the fence, the worker, the name, the result, and when
 * the step started and ended in milliseconds; `state` is `'saved'`, with its number `n`, or `'lost'`. All values are
 * bound as texts.
 */
export interface TransactionSql {
  readonly recorded: string
  readonly save: string
}

/**
 * What an attempt reaches of the worker that runs it: the database side of a durable job. The database numbers the
 * records, under the lock of the job, in the order in which they are saved: those of `save`, of waits that end, and of
 * transactions of the user. The code is given the results in the order of these numbers, so one whose predecessor is still
 * on its way, from another of the three, is held back.
 */
export interface DurableHost {
  readonly history: DurableHistory
  readonly sql: TransactionSql
  /** Whether this attempt has recorded anything, its waits that had ended before it included: see `settle`. */
  readonly hasRecorded: boolean
  /** `'lost'`: another attempt has the job, and this one must stop. Rejects where the database refuses what is saved. */
  save(save: DurableSave): Promise<SaveAnswer>
  /**
   * Takes what has ended of the open waits of a job that runs on (a signal that came, a timer that ended, children
   * that are done), with its record. Resolves with new records, at least one, or with none when the attempt is lost;
   * rejects with the reason of `signal`, and has taken nothing then. One call at a time.
   */
  resume(waits: readonly OpenWait[], signal: AbortSignal): Promise<readonly StepRecord[]>
  /** The same for what has ended by now: resolves with none when nothing has. Not beside `resume`. */
  take(waits: readonly OpenWait[]): Promise<readonly StepRecord[] | 'lost'>
  /** A transaction of the user has committed a record of its own: see `TransactionSql`. */
  recorded(): void
}
