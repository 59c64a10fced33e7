import { failureOf, queuedJobOf } from '../core/claimed-job.ts'
import type { JobState, QueuedJob } from '../core/queued-job.ts'
import type { JobUpdate } from '../core/settle.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import type { FinishValues } from '../database/statements/jobs.ts'

/** The database's clock may have been set back by this much since an attempt began, in milliseconds. */
const CLOCK_STEP_MS = 3_600_000

/**
 * A batch as the parameters of `complete_jobs`, sorted by id so that rows are always locked in one
 * order. Arrays that no row of the batch needs are left out: most batches only succeed. `over` are
 * claims whose jobs have all ended.
 */
export function finishValues(
  workerId: string,
  batch: readonly JobUpdate[],
  over: readonly number[],
): FinishValues {
  const numbers = (
    has: (update: JobUpdate) => boolean,
    value: (update: JobUpdate) => number | boolean | null,
  ): string | null => (batch.some(has) ? plainArray(batch.map(value)) : null)
  const texts = (value: (update: JobUpdate) => string | null): string | null => {
    const values = batch.map(value)
    return values.some((text) => text !== null) ? textArray(values) : null
  }
  return [
    workerId,
    textArray(batch.map(({ job }) => job.place)),
    plainArray(batch.map(({ job }) => job.id)),
    plainArray(batch.map(({ job }) => job.fence)),
    batch.every(({ state }) => state === 'succeeded')
      ? null
      : plainArray(batch.map(({ state }) => state)),
    texts(({ result }) => result),
    texts(({ error }) => (error === null ? null : JSON.stringify(error))),
    numbers(
      ({ delayMs }) => delayMs > 0,
      ({ delayMs }) => delayMs,
    ),
    numbers(
      ({ givenBack }) => givenBack,
      ({ givenBack }) => (givenBack ? 1 : 0),
    ),
    numbers(
      ({ crashed }) => crashed,
      ({ crashed }) => (crashed ? 1 : 0),
    ),
    numbers(
      ({ front }) => front,
      ({ front }) => front,
    ),
    numbers(hasUsage, ({ usage }) => usage?.wallMs ?? null),
    numbers(hasUsage, ({ usage }) => usage?.cpuMs ?? null),
    numbers(hasUsage, ({ usage }) => usage?.peakBytes ?? null),
    texts(restOf),
    batch.reduce((oldest, { job }) => Math.min(oldest, job.startedMs), Number.MAX_VALUE) -
      CLOCK_STEP_MS,
    keysOf(batch),
    over.length === 0 ? null : plainArray(over),
  ]
}

/** The concurrency groups that get slots back, or null: most jobs have none. */
function keysOf(batch: readonly JobUpdate[]): string | null {
  const keys = new Set<string>()
  for (const { job } of batch) {
    if (job.rare.concurrency_key !== undefined) keys.add(job.rare.concurrency_key)
  }
  return keys.size === 0 ? null : textArray([...keys])
}

const hasUsage = ({ usage }: JobUpdate): boolean => usage !== null

function restOf({ meta, progress, retentionMs }: JobUpdate): string | null {
  if (meta === undefined && progress === undefined && retentionMs === undefined) return null
  const parts: string[] = []
  if (meta !== undefined) parts.push(`"meta":${JSON.stringify(meta)}`)
  if (progress !== undefined) parts.push(`"progress":${progress}`)
  if (retentionMs !== undefined) parts.push(`"retention_ms":${retentionMs}`)
  return `{${parts.join(',')}}`
}

/** The snapshot of a job as it was just saved. */
export function savedJob(update: JobUpdate, state: JobState, atMs: number): QueuedJob {
  const before = queuedJobOf(update.job)
  const isFinal = state !== 'pending' && state !== 'retrying'
  const error = update.error
  return Object.freeze({
    ...before,
    state,
    attempts: before.attempts - (update.givenBack ? 1 : 0),
    finishedAt: isFinal ? new Date(atMs) : null,
    errors: error === null ? before.errors : [...before.errors, failureOf(stamped(error, atMs))],
    result: state === 'succeeded' && update.result !== null ? JSON.parse(update.result) : null,
    meta: update.meta ?? before.meta,
    progress: update.progress === undefined ? before.progress : JSON.parse(update.progress),
    ...(update.usage === null ? {} : { usage: update.usage }),
  }) as QueuedJob
}

function stamped(error: NonNullable<JobUpdate['error']>, atMs: number) {
  return { ...error, at: new Date(atMs).toISOString() }
}
