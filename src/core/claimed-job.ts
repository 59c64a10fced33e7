import type { Backoff } from './backoff.ts'
import { decodeJson } from './json.ts'
import { restoreLimits, type StoredLimits } from './limit.ts'
import type { AttemptErrorKind, AttemptFailure, QueuedJob, Usage } from './queued-job.ts'

/**
 * A job as a claim hands it to a worker: plain values, JSON still as text, so that a job whose code
 * never looks at its own row costs nothing more. `queuedJobOf` makes the snapshot that users see.
 */
export interface ClaimedJob {
  readonly id: string
  readonly queue: string
  readonly name: string
  readonly args: string
  readonly priority: number
  /** Attempts begun, this one included. */
  readonly attempts: number
  readonly maxAttempts: number
  readonly fence: number
  /** The ctid of the row after the claim: by it the outcome finds the row. */
  readonly ctid: string
  /** The number of its claim. */
  readonly claimSeq: number
  /** Its position in the order of the queue; negative for a job that goes first. */
  readonly position: number
  readonly createdMs: number
  readonly scheduledMs: number | null
  readonly startedMs: number
  readonly workerId: string
  readonly extras: JobExtras
}

/** Fields that most jobs do not have. */
export interface JobExtras {
  readonly unique_key?: string
  readonly concurrency_key?: string
  readonly limits?: StoredLimits
  readonly backoff?: Backoff
  readonly retention_ms?: number
  readonly progress?: unknown
  readonly errors?: readonly StoredFailure[]
  readonly meta?: Readonly<Record<string, unknown>>
  readonly crashes?: number
  readonly cancel_requested_at?: string
  /** The workflow, batch or durable job that it is a part of, and its step of that; a job of a batch is none. */
  readonly owner_id?: string
  readonly owner_step?: number | null
  /** What the row of few jobs has: see the column of the same name. */
  readonly extras?: Readonly<Record<string, unknown>>
  /** The claim did not bring all of the row, which is large: the rest is read when the attempt begins. */
  readonly isPartial?: true
  /** Why the row cannot be run, such as "its arguments are no object but 7". */
  readonly fault?: string
}

/** One entry of the column `errors`. */
export interface StoredFailure {
  readonly attempt: number
  readonly at?: string
  readonly name?: string
  readonly message?: string
  readonly stack?: string | null
  readonly kind: AttemptErrorKind
  readonly fingerprint?: string
  readonly usage?: Usage
}

export function failureOf(stored: StoredFailure): AttemptFailure {
  return {
    attempt: stored.attempt,
    at: new Date(stored.at ?? 0),
    name: stored.name ?? 'Error',
    message: stored.message ?? '',
    stack: stored.stack ?? null,
    kind: stored.kind,
    ...(stored.fingerprint === undefined ? {} : { fingerprint: stored.fingerprint }),
    ...(stored.usage === undefined ? {} : { usage: stored.usage }),
  }
}

/** The snapshot of a job that runs. */
export function queuedJobOf(job: ClaimedJob): QueuedJob<unknown, unknown, 'running'> {
  const { extras } = job
  return Object.freeze({
    id: job.id,
    name: job.name,
    queue: job.queue,
    args: decodeJson(job.args),
    state: 'running',
    priority: job.priority,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    createdAt: new Date(job.createdMs),
    scheduledAt: job.scheduledMs === null ? null : new Date(job.scheduledMs),
    startedAt: new Date(job.startedMs),
    finishedAt: null,
    uniqueKey: extras.unique_key ?? null,
    concurrencyKey: extras.concurrency_key ?? null,
    limits: extras.limits === undefined ? null : restoreLimits(extras.limits),
    errors: (extras.errors ?? []).map(failureOf),
    progress: extras.progress ?? null,
    meta: extras.meta ?? {},
    workerId: job.workerId,
    result: null,
  })
}
