import type {
  ListedWorkflow,
  PushedStep,
  PushedWorkflow,
  WorkflowFailure,
} from '../../core/workflow/pushed-workflow.ts'
import type { Masks } from '../masks.ts'
import type { WireStep, WireWorkflow, WireWorkflowRow } from '../shapes/workflow.ts'
import { cutJson, iso, LIST_BYTES, PAGE_BYTES } from './cut-json.ts'

export function workflowRowJson(found: ListedWorkflow, masks: Masks): WireWorkflowRow {
  const { waiting, open, succeeded, failed, cancelled, skipped } = found.counts
  return {
    ...fieldsOf(found, masks, LIST_BYTES),
    counts: { waiting, open, succeeded, failed, cancelled, skipped },
  }
}

export function workflowJson(found: PushedWorkflow, masks: Masks): WireWorkflow {
  return {
    ...fieldsOf(found, masks, PAGE_BYTES),
    output: found.state === 'succeeded' ? cutJson(found.output, 'result', masks, PAGE_BYTES) : null,
    steps: found.steps.map((step) => stepJson(step, masks)),
  }
}

function fieldsOf(found: ListedWorkflow | PushedWorkflow, masks: Masks, maxBytes: number) {
  return {
    id: found.id,
    name: found.name,
    state: found.state,
    stopping: found.stopping,
    priority: found.priority,
    uniqueKey: found.uniqueKey,
    createdAt: iso(found.createdAt),
    deadlineAt: iso(found.deadlineAt),
    finishedAt: iso(found.finishedAt),
    expiresAt: iso(found.expiresAt),
    meta: cutJson(found.meta, 'meta', masks, maxBytes),
    failure: failureJson(found.failure, masks),
  }
}

function stepJson(step: PushedStep, masks: Masks): WireStep {
  return {
    name: step.name,
    state: step.state,
    after: step.after,
    runWhen: step.runWhen,
    mayFail: step.mayFail,
    job: step.job?.id ?? null,
    map: step.map,
    endedAt: iso(step.endedAt),
    error: failureJson(step.error, masks),
  }
}

function failureJson(failure: WorkflowFailure | null, masks: Masks): WireStep['error'] {
  if (failure === null) return null
  return { step: failure.step, kind: failure.kind, message: masks.message(failure.message) }
}
