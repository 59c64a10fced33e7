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

export type FinishedState = 'succeeded' | 'failed' | 'cancelled'

/** The states that a job leaves only by a retry by hand. */
export const FINISHED_STATES: readonly FinishedState[] = Object.freeze([
  'succeeded',
  'failed',
  'cancelled',
])

/** Why an attempt failed: `error` is a throw, `result` a value that JSON cannot keep, `not-saved` an outcome that PostgreSQL refused, `row-invalid` a row that cannot be run. */
export type AttemptErrorKind =
  | 'error'
  | 'discarded'
  | 'timeout'
  | 'memory'
  | 'crash'
  | 'cancelled'
  | 'limit-not-supported'
  | 'result'
  | 'not-saved'
  | 'row-invalid'

/** What an attempt cost. CPU time and memory are null where the executor cannot tell them apart. */
export interface Usage {
  readonly wallMs: number
  readonly cpuMs: number | null
  readonly peakBytes: number | null
}

/** One failed attempt. */
export interface AttemptFailure {
  readonly attempt: number
  readonly at: Date
  readonly name: string
  readonly message: string
  readonly stack: string | null
  readonly kind: AttemptErrorKind
  readonly usage?: Usage
}

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
  readonly createdAt: Date
  /** What the push asked for; never moved by backoff. */
  readonly scheduledAt: Date | null
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly uniqueKey: string | null
  /** The group of the concurrency limit, such as `greet:userId=7`. */
  readonly concurrencyKey: string | null
  /** Limits given at the push. Null: what the worker's definition of the job says. */
  readonly limits: readonly Limit[] | null
  readonly errors: readonly AttemptFailure[]
  readonly usage?: Usage
  readonly progress: unknown
  readonly meta: Readonly<Record<string, unknown>>
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

/** Says whether a state is one that a job leaves only by a retry by hand. */
export function isFinished(state: JobState): state is FinishedState {
  return (FINISHED_STATES as readonly JobState[]).includes(state)
}
