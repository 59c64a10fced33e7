import { ChancyError } from '../../core/errors.ts'
import { decodeJson } from '../../core/json.ts'
import type { AttemptErrorKind } from '../../core/queued-job.ts'
import { Reference } from '../../core/reference.ts'
import { storedJson, storedObject } from '../../core/stored.ts'
import type { RunWhen } from '../../core/workflow/flow-plan.ts'
import type {
  ListedWorkflow,
  PushedStep,
  PushedWorkflow,
  WorkflowFailure,
  WorkflowFields,
} from '../../core/workflow/pushed-workflow.ts'
import type { StepState, WorkflowState } from '../../core/workflow-state.ts'
import type { FlowDetails, ListedFlow, StoredStep } from '../../database/statements/flows.ts'

const NO_COUNTS = { waiting: 0, open: 0, succeeded: 0, failed: 0, cancelled: 0, skipped: 0 }

/** A workflow with its steps, as users see it. */
export function pushedWorkflow(row: FlowDetails): PushedWorkflow {
  const steps = storedJson(row.steps, Number.POSITIVE_INFINITY)
  const stored = (Array.isArray(steps) ? steps : []) as readonly StoredStep[]
  const named = new Map(stored.map((step) => [step.n, step.name ?? `step ${step.n}`]))
  return { ...fieldsOf(row), ...endOf(row), steps: stored.map((step) => pushedStep(step, named)) }
}

/** A workflow of a list. */
export function listedWorkflow(row: ListedFlow): ListedWorkflow {
  if (row.kind === 'batch') return { ...fieldsOf(row), ...endOf(row), counts: countsOf(row) }
  const counts = { ...NO_COUNTS, ...storedObject(storedJson(row.counts)) }
  return { ...fieldsOf(row), ...endOf(row), counts }
}

function countsOf(row: ListedFlow): ListedWorkflow['counts'] {
  const { succeeded, failed, cancelled } = batchOf(row)
  return { ...NO_COUNTS, open: row.open, succeeded, failed, cancelled }
}

function batchOf({ total, open, failed, cancelled, is_pushing }: FlowDetails | ListedFlow) {
  const succeeded = total - open - failed - cancelled
  return { total, succeeded, failed, cancelled, isPushing: is_pushing }
}

function fieldsOf(row: FlowDetails | ListedFlow): WorkflowFields {
  return {
    id: row.id,
    name: row.name,
    stopping: row.stopping,
    priority: row.priority,
    uniqueKey: row.unique_key,
    createdAt: new Date(row.created_ms),
    deadlineAt: dateOf(row.deadline_ms),
    finishedAt: dateOf(row.finished_ms),
    expiresAt: dateOf(row.expires_ms),
    meta: row.meta === null ? {} : storedObject(storedJson(row.meta)),
    failure: row.failure === null ? null : failureOf(storedJson(row.failure), null),
    batch: row.kind === 'batch' ? batchOf(row) : null,
  }
}

type End =
  | { readonly state: 'succeeded'; readonly output: unknown }
  | { readonly state: Exclude<WorkflowState, 'succeeded'>; readonly output: null }

function endOf({ state, output }: FlowDetails | ListedFlow): End {
  if (state !== 'succeeded') return { state, output: null }
  return { state, output: output === null ? null : decodeJson(output) }
}

function pushedStep(step: StoredStep, named: ReadonlyMap<number, string>): PushedStep {
  const map = step.ofMap === undefined ? null : (named.get(step.ofMap) ?? null)
  const name = map === null ? (step.name ?? '') : `${map}[${step.item}]`
  const state = step.state as StepState
  return {
    name,
    state,
    after: (step.deps ?? []).map((dep) => named.get(dep) ?? `step ${dep}`),
    runWhen: step.runWhen as RunWhen,
    mayFail: step.mayFail,
    job: step.job === undefined ? null : new Reference(step.job),
    map,
    endedAt: dateOf(step.endedMs ?? null),
    error: step.error === undefined ? null : failureOf(step.error, null),
  }
}

function failureOf(stored: unknown, step: string | null): WorkflowFailure {
  const { step: named, kind, message } = storedObject(stored)
  return {
    step: typeof named === 'string' ? named : step,
    kind: (typeof kind === 'string' ? kind : 'error') as AttemptErrorKind,
    message: typeof message === 'string' ? message : '',
  }
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

/** The error of a plan that no statement can carry. */
export function planTooLarge(name: string, bytes: number, max: string): ChancyError {
  return new ChancyError(
    'WORKFLOW_TOO_LARGE',
    `Workflow "${name}": its steps have ${bytes} bytes of arguments together, more than the limit of ${max}. Split it, or keep what is large elsewhere.`,
    { details: { bytes } },
  )
}
