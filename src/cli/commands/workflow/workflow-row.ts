import type {
  BatchCounts,
  ListedWorkflow,
  PushedWorkflow,
  WorkflowFailure,
} from '../../../index.ts'
import type { Fields } from '../../terminal/cell.ts'
import { durationText } from '../../terminal/duration-text.ts'

/** A workflow of a list. */
export function workflowRow(workflow: ListedWorkflow, now: number): Fields {
  const { id, name, state, counts, createdAt, finishedAt, failure } = workflow
  const ended = counts.succeeded + counts.failed + counts.cancelled + counts.skipped
  return {
    id,
    name,
    state,
    steps: `${ended}/${ended + counts.open + counts.waiting}`,
    created: `${durationText(now - createdAt.getTime())} ago`,
    took: finishedAt === null ? null : durationText(finishedAt.getTime() - createdAt.getTime()),
    failure: failureText(failure),
  }
}

/** What is known of a workflow beside its steps; what it does not have is left out. */
export function workflowFields(workflow: PushedWorkflow): Fields {
  const { id, name, state, stopping, priority, uniqueKey, createdAt, finishedAt } = workflow
  const { deadlineAt, expiresAt, failure, meta, output, batch } = workflow
  const optional = {
    stopping,
    ...(batch === null ? {} : batchFields(batch)),
    priority: priority === 0 ? null : priority,
    uniqueKey,
    createdAt,
    deadlineAt,
    finishedAt,
    expiresAt,
    failure: failureText(failure),
    meta: Object.keys(meta).length === 0 ? null : meta,
    output,
  }
  const present = Object.entries(optional).filter(([, value]) => value !== null)
  return { id, name, state, ...Object.fromEntries(present) }
}

function batchFields({ total, succeeded, failed, cancelled, isPushing }: BatchCounts): Fields {
  const ended = succeeded + failed + cancelled
  const jobs = `${ended}/${total}${isPushing ? ', more are being pushed' : ''}`
  return { jobs, failed: failed || null, cancelled: cancelled || null }
}

function failureText(failure: WorkflowFailure | null): string | null {
  if (failure === null) return null
  const { step, kind, message } = failure
  return `${step === null ? '' : `${step}: `}${kind}: ${message}`
}
