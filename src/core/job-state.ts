import type { JobState } from './queued-job.ts'

/**
 * The states of a job and every way from one to another, by the verb that causes it. Nothing else
 * in the code may write another step; a test holds the statements that write `state` against this
 * table, and the drawing in the documents is made from it.
 *
 * A job waits in `pending` (new, recovered, snoozed, released) or `retrying` (after a failed
 * attempt), runs in `running`, and ends in one of the other three, which only a manual retry leaves.
 */
export const TRANSITIONS = Object.freeze({
  /** It fails without an attempt as a step whose arguments cannot be made, or whose deadline has passed. */
  pending: { claim: 'running', cancel: 'cancelled', fail: 'failed' },
  retrying: { claim: 'running', cancel: 'cancelled' },
  running: {
    succeed: 'succeeded',
    retry: 'retrying',
    fail: 'failed',
    cancel: 'cancelled',
    snooze: 'pending',
    interrupt: 'pending',
    recover: 'pending',
  },
  /** As a step of a workflow only. */
  succeeded: { 'repeat step': 'pending' },
  failed: { 'manual retry': 'pending' },
  /** A bulk cancel that is undone leaves the state from before. */
  cancelled: { 'manual retry': 'pending', 'undone cancel': 'retrying' },
}) satisfies Readonly<Record<JobState, Readonly<Record<string, JobState>>>>

/** Whether some verb leads from one state to the other. */
export function mayBecome(from: JobState, to: JobState): boolean {
  return (Object.values(TRANSITIONS[from]) as JobState[]).includes(to)
}
