import type { JobState } from './queued-job.ts'

/** It has ended in every state but `running`. */
export type WorkflowState = 'running' | 'succeeded' | 'failed' | 'cancelled'

export const WORKFLOW_STATES: readonly WorkflowState[] = Object.freeze([
  'running',
  'succeeded',
  'failed',
  'cancelled',
])

/** The states that a workflow leaves only by a manual retry. */
export type EndedWorkflowState = Exclude<WorkflowState, 'running'>

/** `waiting` until its turn, then the state of its job; `skipped` when its condition did not come true. */
export type StepState = 'waiting' | JobState | 'skipped'
