import { type ClaimedJob, failuresOf, type RareFields } from '../core/claimed-job.ts'
import { restoreLimits, type StoredLimits } from '../core/limit.ts'
import type { ExecutorKind, QueueState, StoredExecutorOptions } from '../core/queue.ts'
import {
  DEFAULT_POLLING_INTERVAL_MS,
  MAX_POLLING_INTERVAL_MS,
  MIN_POLLING_INTERVAL_MS,
  Queue,
} from '../core/queue.ts'
import type { JobState, QueuedJob } from '../core/queued-job.ts'
import type { ClaimedRow } from './statements/jobs.ts'
import type { QueuedJobRow } from './statements/queued-jobs.ts'
import type { QueueRow } from './statements/queues.ts'
import type { WorkerRow } from './statements/workers.ts'

/** The one place where columns become fields, and where units and nulls are converted. */

const NOTHING_RARE: RareFields = Object.freeze({})

/** What the rows of one claim have in common. */
export interface ClaimHead {
  readonly queue: string
  readonly workerId: string
  readonly claim: number
  readonly startedMs: number
  /** What this worker's definition says, for rows that leave it open. */
  readonly maxAttemptsOf: MaxAttemptsOf
}

export type MaxAttemptsOf = (name: string, queue: string, rare: RareFields) => number

export function claimedJob(row: ClaimedRow, head: ClaimHead): ClaimedJob {
  const rare = row.rest === null ? NOTHING_RARE : (JSON.parse(row.rest) as RareFields)
  return {
    id: row.id as string,
    queue: head.queue,
    name: row.name,
    args: row.args,
    priority: row.priority,
    attempts: row.attempts,
    maxAttempts: row.max_attempts ?? head.maxAttemptsOf(row.name, head.queue, rare),
    fence: Number(row.fence),
    place: row.place,
    claim: head.claim,
    line: Number(row.ready_seq),
    createdMs: row.created_ms,
    scheduledMs: row.scheduled_ms,
    startedMs: head.startedMs,
    workerId: head.workerId,
    rare,
  }
}

export function queuedJob(row: QueuedJobRow): QueuedJob {
  const limits = parse<StoredLimits>(row.limits)
  return Object.freeze({
    id: row.id,
    name: row.name,
    queue: row.queue,
    args: parse(row.args),
    state: row.state as JobState,
    priority: row.priority,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    createdAt: new Date(row.created_ms),
    scheduledAt: date(row.scheduled_ms),
    startedAt: date(row.started_ms),
    finishedAt: date(row.finished_ms),
    uniqueKey: row.unique_key,
    concurrencyKey: row.concurrency_key,
    limits: limits === null ? null : restoreLimits(limits),
    errors: failuresOf(parse(row.errors)),
    ...(row.wall_ms === null
      ? {}
      : { usage: { wallMs: row.wall_ms, cpuMs: row.cpu_ms, peakBytes: row.peak_bytes } }),
    result: parse(row.result),
    progress: parse(row.progress),
    meta: parse<Record<string, unknown>>(row.meta) ?? {},
    workerId: row.worker_id,
  }) as QueuedJob
}

export function queue(row: QueueRow): Queue {
  return Queue.restore({
    name: row.name,
    concurrency: row.concurrency,
    executor: row.executor as ExecutorKind,
    executorOptions: parse<StoredExecutorOptions>(row.executor_options) ?? {},
    tags: texts(row.tags),
    pollingIntervalMs: pollingInterval(row.polling_interval_ms),
    rateLimit:
      row.rate_max === null || row.rate_per_ms === null
        ? null
        : { max: row.rate_max, perMs: row.rate_per_ms },
    state: row.state as QueueState,
    resumeAt: date(row.resume_ms),
  })
}

/** A worker as `getWorkers` shows it. */
export interface WorkerInfo {
  readonly id: string
  readonly label: string | null
  readonly tags: readonly string[]
  /** The queues it runs. */
  readonly queues: readonly string[]
  readonly startedAt: Date
  readonly renewedAt: Date
  readonly expiresAt: Date
  /** Whether its lease holds, by the database's clock. */
  readonly alive: boolean
}

export function workerInfo(row: WorkerRow): WorkerInfo {
  return {
    id: row.id,
    label: row.label,
    tags: texts(row.tags),
    queues: texts(row.queues),
    startedAt: new Date(row.started_ms),
    renewedAt: new Date(row.renewed_ms),
    expiresAt: new Date(row.expires_ms),
    alive: row.alive,
  }
}

function parse<T = unknown>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T)
}

/** A row written by hand may make a loop spin: by no pause at all, or one longer than a timer takes. */
function pollingInterval(ms: number): number {
  if (!Number.isFinite(ms)) return DEFAULT_POLLING_INTERVAL_MS
  return Math.min(MAX_POLLING_INTERVAL_MS, Math.max(MIN_POLLING_INTERVAL_MS, ms))
}

function date(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

/** A row written by hand may hold anything; what is no text is left out. */
function texts(json: string): readonly string[] {
  const value: unknown = JSON.parse(json)
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
