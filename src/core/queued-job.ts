import type { Limit } from './limit.ts'

/** `retrying` waits for another attempt after a failed one. */
export type JobState = 'pending' | 'running' | 'retrying' | 'succeeded' | 'failed' | 'cancelled'

export const JOB_STATES: readonly JobState[] = Object.freeze([
  'pending',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'cancelled',
])

/** The states that a job leaves only by a manual retry. */
export type FinishedState = 'succeeded' | 'failed' | 'cancelled'

/** The states that a job leaves only by a manual retry. */
export const FINISHED_STATES: readonly FinishedState[] = Object.freeze([
  'succeeded',
  'failed',
  'cancelled',
])

/** Why an attempt failed: `error` is a throw, `result-not-storable` a return value that cannot be stored as JSON, `not-saved` an outcome that PostgreSQL refused, `row-invalid` a row that cannot be run, `deadline` the deadline of a durable job, `steps-changed` code that does not fit to what a durable job has recorded, `history` more records than a run may have. Of a step that did not run: `skipped` by what became of the steps before it, `input` for arguments that cannot be made of their outputs. */
export type AttemptErrorKind =
  | 'error'
  | 'discarded'
  | 'timeout'
  | 'memory'
  | 'crash'
  | 'cancelled'
  | 'limit-not-supported'
  | 'result-not-storable'
  | 'not-saved'
  | 'row-invalid'
  | 'skipped'
  | 'input'
  | 'deadline'
  | 'steps-changed'
  | 'history'

/** What an attempt cost. CPU time and memory are null where the executor cannot measure them for one attempt. */
export interface Usage {
  /** How long it ran, in milliseconds. */
  readonly wallMs: number
  /** Processor time of all its threads, in milliseconds. */
  readonly cpuMs: number | null
  /** The most memory that was seen. */
  readonly peakBytes: number | null
}

/** One failed attempt. */
export interface AttemptFailure {
  /** Which attempt failed: 1 is the first. */
  readonly attempt: number
  /** When it ended. */
  readonly at: Date
  /** The name of the error, such as `TypeError`. */
  readonly name: string
  readonly message: string
  /** With the causes, and fields such as a `detail` of PostgreSQL. */
  readonly stack: string | null
  readonly kind: AttemptErrorKind
  /** Of the group of failures that are alike: 16 hexadecimal digits. Absent where the job was cancelled. */
  readonly fingerprint?: string
  /** Where the attempt was measured. */
  readonly usage?: Usage
}

/** A wait of a durable job. */
export interface OpenWaitInfo {
  /** A time, signals, or jobs that it invoked. */
  readonly kind: 'sleep' | 'signal' | 'job'
  readonly name: string
  /** Names of the signals of which the first one ends it. */
  readonly signals: readonly string[]
  /** When a sleep or a timeout ends, or null. */
  readonly until: Date | null
}

/** What a job is a part of. */
export interface JobOwner {
  /** `job`: the durable job that invoked it. */
  readonly kind: 'workflow' | 'batch' | 'job'
  readonly id: string
  /** The name of the workflow or batch, or of the call of the durable job. */
  readonly name: string
  /** The name of its step; null: a job of a batch. */
  readonly step: string | null
}

/** What every job has, in whatever state it is. */
export interface QueuedJobFields<A> {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly args: A
  readonly priority: number
  /** Attempts begun, the present one included. */
  readonly attempts: number
  /**
   * Null, while it does not run: it was pushed by its name alone, and the definition of the worker that
   * runs it decides.
   */
  readonly maxAttempts: number | null
  /** When it was pushed. */
  readonly createdAt: Date
  /** What the push asked for; never moved by backoff. */
  readonly scheduledAt: Date | null
  /** When the latest attempt was claimed. Null: none was. */
  readonly startedAt: Date | null
  /** When it succeeded, failed or was cancelled. Null: it has not finished. */
  readonly finishedAt: Date | null
  readonly uniqueKey: string | null
  /** The group of the concurrency limit, such as `greet:userId=7`. */
  readonly concurrencyKey: string | null
  /** Limits given at the push. Null: what the worker's definition of the job says. */
  readonly limits: readonly Limit[] | null
  /** Failed attempts, the oldest first. */
  readonly errors: readonly AttemptFailure[]
  /** What the last attempt cost, where it was measured. */
  readonly usage?: Usage
  /** What `context.progress` was given last, or null. */
  readonly progress: unknown
  /** What `withMeta` was given, and what plugins added. */
  readonly meta: Readonly<Record<string, unknown>>
  /** What `ctx.set` of a durable job was given; absent where it was given nothing. */
  readonly values?: Readonly<Record<string, unknown>>
  /** What a durable job waits for without a slot; absent while it does not. */
  readonly waitsFor?: readonly OpenWaitInfo[]
  /** The workflow, batch or durable job that it is a part of, while that is kept; absent where there is none. */
  readonly partOf?: JobOwner
  /** The worker of the latest attempt; null before the first. */
  readonly workerId: string | null
}

/**
 * A job that has a row: a snapshot, never live. A union by state, so `result` has its type once
 * `state` is known to be `succeeded`; in every other state it is null.
 */
export type QueuedJob<A = unknown, R = unknown, S extends JobState = JobState> = S extends JobState
  ? QueuedJobFields<A> & {
      readonly state: S
      readonly result: S extends 'succeeded' ? R : null
    }
  : never

/** Says whether a state is one that a job leaves only by a manual retry. */
export function isFinished(state: JobState): state is FinishedState {
  return (FINISHED_STATES as readonly JobState[]).includes(state)
}
