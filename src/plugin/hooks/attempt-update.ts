import { type ClaimedJob, queuedJobOf } from '../../core/claimed-job.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import { deepFreeze } from '../../core/rule/deep-freeze.ts'
import type { SettledState } from '../../core/settle.ts'

/** A job whose attempt is under way. */
export type RunningJob = QueuedJob<unknown, unknown, 'running'>

/**
 * A job as hooks see it. Frozen throughout: a hook that changes it in place fails there, and neither
 * bypasses the checks of what it returns nor changes what the function of the job is given.
 */
export function runningJobOf(job: ClaimedJob): RunningJob {
  const { args, meta, ...rest } = queuedJobOf(job)
  return Object.freeze({ ...rest, args: deepFreeze(args), meta: deepFreeze(structuredClone(meta)) })
}

/** What is about to be saved of an attempt, as a plugin sees it. */
export interface AttemptUpdate {
  readonly job: RunningJob
  /** Another value must be a step that `core/job-state.ts` has. */
  readonly state: SettledState
  /** For `retrying` and `pending`: how long to wait, in milliseconds, at most ten years. */
  readonly delayMs: number
  readonly meta: Readonly<Record<string, unknown>>
}
