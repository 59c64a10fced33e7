import { isPlainObject } from '../../core/plain-object.ts'
import type { AttemptFailure, QueuedJob, Usage } from '../../core/queued-job.ts'
import { storableText } from '../../core/storable-text.ts'
import { type JobLink, linksOf } from '../links.ts'
import type { Masks } from '../masks.ts'
import type { WireAttemptError, WireJob, WireJobRow, WireUsage } from '../shapes/job.ts'
import { cutJson, iso, LIST_BYTES, PAGE_BYTES } from './cut-json.ts'

/** A job with its size where a part was too large to come. */
type ListedJob = QueuedJob & {
  readonly omitted?: Readonly<Record<string, number>> | null
}

export function jobRowJson(job: ListedJob, masks: Masks): WireJobRow {
  const last = job.errors.at(-1)
  return {
    ...fieldsOf(job),
    args: partOf(job, 'args', masks),
    meta: partOf(job, 'meta', masks),
    lastError:
      last === undefined
        ? null
        : {
            kind: last.kind,
            name: storableText(last.name, LIST_BYTES),
            message: masks.message(storableText(last.message, LIST_BYTES)),
          },
  }
}

/** A part that was left out by its size has that alone. */
function partOf(job: ListedJob, part: 'args' | 'meta', masks: Masks): WireJobRow['args'] {
  const bytes = job.omitted?.[part]
  if (bytes !== undefined) return { json: '', bytes, isCut: true }
  return cutJson(job[part], part, masks, LIST_BYTES)
}

export function jobJson(job: ListedJob, masks: Masks, links: readonly JobLink[]): WireJob {
  const { waitsFor, values, limits } = job
  return {
    ...fieldsOf(job),
    args: cutJson(job.args, 'args', masks, PAGE_BYTES),
    meta: cutJson(job.meta, 'meta', masks, PAGE_BYTES),
    result: job.state === 'succeeded' ? cutJson(job.result, 'result', masks, PAGE_BYTES) : null,
    progress: job.progress === null ? null : cutJson(job.progress, 'progress', masks, PAGE_BYTES),
    values: values === undefined ? null : cutJson(values, 'progress', masks, PAGE_BYTES),
    errors: errorsJson(job.errors, masks),
    limits: limits === null ? null : limits.map((limit) => ({ ...limit })),
    waitsFor:
      waitsFor === undefined
        ? null
        : waitsFor.map(({ kind, name, signals, until }) => ({
            kind,
            name,
            signals,
            until: iso(until),
          })),
    links: linksOf(links, job, masks),
  }
}

function fieldsOf(job: ListedJob) {
  const { cron } = job.meta
  return {
    id: job.id,
    name: job.name,
    queue: job.queue,
    state: job.state,
    priority: job.priority,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    createdAt: iso(job.createdAt),
    scheduledAt: iso(job.scheduledAt),
    startedAt: iso(job.startedAt),
    finishedAt: iso(job.finishedAt),
    uniqueKey: job.uniqueKey,
    group: job.concurrencyKey,
    workerId: job.workerId,
    // A job that succeeded belongs to no group of failures.
    fingerprint: job.state === 'succeeded' ? null : (job.errors.at(-1)?.fingerprint ?? null),
    schedule: isPlainObject(cron) && typeof cron.key === 'string' ? cron.key : null,
    usage: usageJson(job.usage),
  }
}

function usageJson(usage: Usage | undefined): WireUsage | null {
  if (usage === undefined) return null
  return { wallMs: usage.wallMs, cpuMs: usage.cpuMs, peakBytes: usage.peakBytes }
}

/** As many of the newest ones as there is room for, at least one. */
function errorsJson(errors: readonly AttemptFailure[], masks: Masks): WireJob['errors'] {
  const items: WireAttemptError[] = []
  let bytes = 0
  let room = PAGE_BYTES
  for (const error of errors.toReversed()) {
    const item = errorJson(error, masks)
    const size = Buffer.byteLength(JSON.stringify(item))
    bytes += size
    room -= size
    if (room < 0 && items.length > 0) continue
    items.unshift(room < 0 ? { ...item, ...shortened(item) } : item)
  }
  return { items, total: errors.length, bytes, isCut: bytes > PAGE_BYTES }
}

function shortened({ message, stack }: WireAttemptError) {
  return {
    message: storableText(message, PAGE_BYTES / 4),
    stack: stack === null ? null : storableText(stack, PAGE_BYTES / 2),
  }
}

export function errorJson(error: AttemptFailure, masks: Masks): WireAttemptError {
  const { attempt, at, kind, name, message, stack, usage } = error
  return {
    attempt,
    at: iso(at),
    kind,
    name,
    message: masks.message(message),
    stack: stack === null ? null : masks.message(stack),
    usage: usageJson(usage),
  }
}
