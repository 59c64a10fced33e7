import { type ClaimedJob, failureOf, type JobExtras } from '../core/claimed-job.ts'
import { MAX_DURATION_MS } from '../core/duration.ts'
import { restoreLimits } from '../core/limit.ts'
import {
  DEFAULT_POLLING_INTERVAL_MS,
  type ExecutorKind,
  MAX_CONCURRENCY,
  MAX_JOBS_PER_CHILD,
  MAX_POLLING_INTERVAL_MS,
  MIN_POLLING_INTERVAL_MS,
  Queue,
  type QueueState,
  type StoredExecutorOptions,
} from '../core/queue.ts'
import type { JobOwner, JobState, QueuedJob } from '../core/queued-job.ts'
import { shownWaits } from '../core/shown-waits.ts'
import {
  extrasOf,
  isOrdinaryArgs,
  NO_EXTRAS,
  storedFailures,
  storedInteger,
  storedJson,
  storedLimits,
  storedObject,
  storedTexts,
} from '../core/stored.ts'
import type { QueueSlots, WorkerFigures } from '../core/worker-figures.ts'
import type { DeclaredRow } from './statements/due.ts'
import type { ClaimAnswerRow, ClaimedRow, LoadedRow } from './statements/jobs.ts'
import type { QueuedJobRow } from './statements/queued-jobs.ts'
import type { QueueRow } from './statements/queues.ts'
import type { WorkerRow } from './statements/workers.ts'

/** The one place where columns become fields, and where units and nulls are converted. */

/** What the rows of one claim have in common. */
export interface ClaimHead {
  readonly queue: string
  readonly workerId: string
  readonly claimSeq: number
  readonly startedMs: number
  /** What this worker's definition says, for rows that leave it open. */
  readonly maxAttemptsOf: MaxAttemptsOf
}

/** What a claim says about itself. */
export interface ClaimSummary {
  readonly queueState: 'active' | 'paused' | 'undeclared' | 'revoked'
  /** 0 when nothing was claimed. */
  readonly claimSeq: number
  readonly scanned: number
  readonly requested: number
  readonly startedMs: number
  /** How long until the next start of a queue that has none left, in milliseconds, or 0. */
  readonly waitMs: number
  /** How long a full scan took, in microseconds. */
  readonly scanUs: number
}

interface StoredSummary {
  readonly queue_state: ClaimSummary['queueState']
  readonly claim_seq: number | null
  readonly scanned: number
  readonly requested: number
  readonly started_ms: number | null
  readonly wait_ms: number
  readonly scan_us: number
}

/** Decodes the first row of a claim. An answer without rows has claimed nothing. */
export function claimSummary(row: Pick<ClaimAnswerRow, 'summary'> | undefined): ClaimSummary {
  const stored = JSON.parse(row?.summary ?? '{}') as Partial<StoredSummary>
  return {
    queueState: stored.queue_state ?? 'active',
    claimSeq: stored.claim_seq ?? 0,
    scanned: stored.scanned ?? 0,
    requested: stored.requested ?? 0,
    startedMs: stored.started_ms ?? 0,
    waitMs: stored.wait_ms ?? 0,
    scanUs: stored.scan_us ?? 0,
  }
}

export type MaxAttemptsOf = (name: string, queue: string, extras: JobExtras) => number

export function claimedJob(row: ClaimedRow, head: ClaimHead): ClaimedJob {
  const { args } = row
  const isOrdinary = isOrdinaryArgs(args)
  const extras = isOrdinary && row.extras === null ? NO_EXTRAS : extrasOf(row)
  return {
    id: row.id,
    queue: head.queue,
    name: row.name,
    args: isOrdinary ? args : NO_ARGS,
    priority: row.priority,
    attempts: row.attempts,
    maxAttempts: row.max_attempts ?? head.maxAttemptsOf(row.name, head.queue, extras),
    fence: Number(row.fence),
    ctid: row.ctid,
    claimSeq: head.claimSeq,
    position: Number(row.position),
    createdMs: row.created_ms,
    scheduledMs: row.scheduled_ms,
    startedMs: head.startedMs,
    workerId: head.workerId,
    extras,
  }
}

/** What stands for arguments that cannot be used: they are never run with. */
const NO_ARGS = '{}'

/** A job of which the claim brought only a part, with the rest of its row. */
export function loadedJob(job: ClaimedJob, row: LoadedRow): ClaimedJob {
  const args = isOrdinaryArgs(row.args, true) ? row.args : NO_ARGS
  return { ...job, args, extras: extrasOf(row, true) }
}

export function queuedJob(row: QueuedJobRow): QueuedJob {
  const limits = row.limits === null ? null : storedLimits(storedJson(row.limits))
  return Object.freeze({
    id: row.id,
    name: row.name,
    queue: row.queue,
    args: storedJson(row.args),
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
    errors: storedFailures(storedJson(row.errors)).map(failureOf),
    ...(row.wall_ms === null
      ? {}
      : { usage: { wallMs: row.wall_ms, cpuMs: row.cpu_ms, peakBytes: row.peak_bytes } }),
    result: storedJson(row.result),
    progress: storedJson(row.progress),
    meta: storedObject(storedJson(row.meta)),
    ...(row.durable === null ? {} : durableFields(row.durable)),
    workerId: row.worker_id,
  }) as QueuedJob
}

function durableFields(text: string): Pick<QueuedJob, 'values' | 'waitsFor' | 'partOf'> {
  const { values, open, owner } = storedObject(storedJson(text))
  return {
    ...(values == null ? {} : { values: storedObject(values) }),
    ...(open == null ? {} : { waitsFor: shownWaits(open) }),
    ...(owner == null ? {} : { partOf: owner as JobOwner }),
  }
}

export function queue(row: QueueRow): Queue {
  return Queue.restore({
    name: row.name,
    // Below one nothing would ever run, and no reason would be visible.
    concurrency:
      row.concurrency === null ? null : Math.min(MAX_CONCURRENCY, Math.max(1, row.concurrency)),
    executor: row.executor as ExecutorKind,
    executorOptions: executorOptions(storedObject(storedJson(row.executor_options))),
    tags: storedTexts(storedJson(row.tags)),
    pollingIntervalMs: pollingInterval(row.polling_interval_ms),
    rateLimit:
      row.rate_max === null || row.rate_per_ms === null
        ? null
        : { max: row.rate_max, perMs: row.rate_per_ms },
    state: row.state as QueueState,
    resumeAt: date(row.resume_ms),
  })
}

/** A queue by its name, and the tags that its workers match. */
export function declaredQueue(row: DeclaredRow): Pick<Queue, 'name' | 'tags'> {
  return { name: row.queue, tags: storedTexts(storedJson(row.tags)) }
}

/** A worker as `getWorkers` shows it. */
export interface WorkerInfo {
  readonly id: string
  readonly label: string | null
  /** The version of the application, as the option says. */
  readonly version: string | null
  readonly tags: readonly string[]
  /** The queues it runs. */
  readonly queues: readonly string[]
  readonly startedAt: Date
  readonly renewedAt: Date
  readonly expiresAt: Date
  /** Whether it claims nothing, by `worker.pause()`. */
  readonly paused: boolean
  /** Whether its lease holds, by the database's clock. */
  readonly alive: boolean
  /** What it wrote with the last renewal of its lease; null: nothing, as one of an earlier release. */
  readonly figures: WorkerFigures | null
}

export function workerInfo(row: WorkerRow): WorkerInfo {
  return {
    id: row.id,
    label: row.label,
    version: row.version,
    tags: storedTexts(storedJson(row.tags)),
    queues: storedTexts(storedJson(row.queues)),
    startedAt: new Date(row.started_ms),
    renewedAt: new Date(row.renewed_ms),
    expiresAt: new Date(row.expires_ms),
    paused: row.paused,
    alive: row.alive,
    figures: figuresOf(row.figures),
  }
}

/** A row that was written by hand has none. */
function figuresOf(text: string | null): WorkerFigures | null {
  if (text === null) return null
  const stored = storedJson(text) as Partial<Record<keyof WorkerFigures, unknown>> | null
  const slots = Array.isArray(stored?.slots) ? (stored.slots as Partial<QueueSlots>[]) : null
  const numbers = [stored?.endedPerSecond, stored?.cpu, stored?.memoryBytes].map(storedNumber)
  const [endedPerSecond, cpu, memoryBytes] = numbers
  if (slots === null || endedPerSecond == null || cpu == null || memoryBytes == null) return null
  return {
    slots: slots.flatMap((one) => {
      const [slots, busy] = [storedNumber(one?.slots), storedNumber(one?.busy)]
      const isRight = typeof one?.queue === 'string' && slots !== null && busy !== null
      return isRight ? [{ queue: one.queue as string, slots, busy }] : []
    }),
    ...{ endedPerSecond, cpu, memoryBytes },
  }
}

const storedNumber = (value: unknown): number | null =>
  typeof value === 'number' && value >= 0 ? value : null

function executorOptions(stored: Readonly<Record<string, unknown>>): StoredExecutorOptions {
  const maximumJobsPerChild = storedInteger(stored.maximumJobsPerChild, 0, MAX_JOBS_PER_CHILD)
  const killAfterMs = storedInteger(stored.killAfterMs, 0, MAX_DURATION_MS)
  return {
    ...(maximumJobsPerChild === undefined ? {} : { maximumJobsPerChild }),
    ...(killAfterMs === undefined ? {} : { killAfterMs }),
  }
}

/** A row written by hand may make a loop spin: by no pause at all, or one longer than a timer takes. */
function pollingInterval(ms: number): number {
  if (!Number.isFinite(ms)) return DEFAULT_POLLING_INTERVAL_MS
  return Math.min(MAX_POLLING_INTERVAL_MS, Math.max(MIN_POLLING_INTERVAL_MS, ms))
}

function date(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
