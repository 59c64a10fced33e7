import { createHash } from 'node:crypto'
import type { QueuedJob } from './queued-job.ts'

/**
 * What a job is at a moment, in 32 characters: equal as long as nothing has changed that an edit may change, nor its
 * state or attempts. `editJob` takes it as `ifMatch`, HTTP as ETag.
 */
export function jobVersion(job: QueuedJob): string {
  const { state, attempts, queue, priority, scheduledAt, maxAttempts, args, meta } = job
  const time = scheduledAt?.getTime() ?? null
  const parts = [job.id, state, attempts, queue, priority, time, maxAttempts, args, meta]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}
