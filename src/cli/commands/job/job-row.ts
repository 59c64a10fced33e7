import type { JobOwner, QueuedJob } from '../../../index.ts'
import { durationText } from '../../terminal/duration-text.ts'

/** A job as a row of a list. */
export function jobRow(job: QueuedJob, nowMs: number): object {
  const { id, name, queue, state, attempts, maxAttempts, createdAt, partOf } = job
  return {
    id,
    name,
    queue,
    state,
    tries: maxAttempts === null ? String(attempts) : `${attempts}/${maxAttempts}`,
    age: durationText(nowMs - createdAt.getTime()).split(' ')[0],
    ...(partOf === undefined ? {} : { partOf: ownerText(partOf) }),
  }
}

function ownerText({ kind, name, step }: JobOwner): string {
  return kind === 'batch' || step === null ? `${kind} ${name}` : `${name}: ${step}`
}

/** A job with all that it has, without what it has not. */
export function jobFields(job: QueuedJob): object {
  const { attempts, maxAttempts, errors, limits, usage, meta } = job
  const all = {
    ...{ id: job.id, name: job.name, queue: job.queue, state: job.state, priority: job.priority },
    attempts: maxAttempts === null ? attempts : `${attempts} of ${maxAttempts}`,
    ...{ created: job.createdAt, scheduled: job.scheduledAt },
    ...{ started: job.startedAt, finished: job.finishedAt },
    ran: usage === undefined ? null : durationText(usage.wallMs),
    worker: job.workerId,
    ...(job.partOf === undefined
      ? {}
      : { partOf: `${ownerText(job.partOf)} (${job.partOf.kind} ${job.partOf.id})` }),
    ...{ uniqueKey: job.uniqueKey, group: job.concurrencyKey, limits },
    ...{ args: job.args, meta: Object.keys(meta).length === 0 ? null : meta },
    ...{ progress: job.progress, result: job.result },
    failures: errors.map(({ attempt, at, kind, name, message }) => ({
      attempt,
      at,
      kind,
      error: name === 'Error' ? message : `${name}: ${message}`,
    })),
    stack: errors.at(-1)?.stack ?? null,
  }
  return Object.fromEntries(
    Object.entries(all).filter(
      ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
    ),
  )
}
