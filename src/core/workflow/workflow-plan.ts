import { inspect } from '../check.ts'
import type { JobSpec } from '../job-options.ts'
import { decodeJson } from '../json.ts'
import { type PushRow, rowOf } from '../push-row.ts'
import { newId } from '../reference.ts'
import { validateInput } from '../standard-schema.ts'
import type { FlowPlan, FlowStep } from './flow-plan.ts'
import type { StepSpec } from './step-spec.ts'
import { metaText, WORKFLOW_SPEC, type Workflow } from './workflow.ts'

/** What changes the row of each job before it is pushed, such as the hooks of plugins. */
export type ChangeRow = (row: PushRow) => PushRow

/**
 * A workflow as it is pushed, under a new id and new ids of its jobs. `now` is in milliseconds since the epoch.
 *
 * @throws {ConfigError} (rejects with it) when the arguments of a step do not fit the schema of its job. Those of a step
 *   that takes outputs of others are checked when it runs.
 */
export async function planOf(
  workflow: Workflow,
  now: number,
  changeRow: ChangeRow,
): Promise<FlowPlan> {
  const spec = workflow[WORKFLOW_SPEC]
  const what = `Workflow ${inspect(spec.name)}`
  for (const step of spec.steps) {
    const checking = checkArgs(step, what)
    if (checking instanceof Promise) await checking
  }
  return {
    id: newId(now),
    name: spec.name,
    priority: spec.priority,
    uniqueKey: spec.uniqueKey,
    once: spec.once,
    deadlineMs: spec.deadlineMs,
    retentionMs: spec.retentionMs,
    onFailure: spec.onFailure,
    meta: metaText(spec.meta, what),
    steps: spec.steps.map((step) => flowStep(step, spec.priority, now, changeRow)),
    output: spec.output,
  }
}

function flowStep(step: StepSpec, priority: number, now: number, changeRow: ChangeRow): FlowStep {
  const { job, group, isInner: _, ...rest } = step
  if (job === null) return { ...rest, job: null, groupBy: null }
  const key = group !== null && 'key' in group ? group.key : null
  const row = rowOf(inherited(job, priority), now, { args: step.args.value, group: key })
  return {
    ...rest,
    job: changeRow(row),
    groupBy: group !== null && 'by' in group ? group.by : null,
  }
}

function inherited(job: JobSpec, priority: number): JobSpec {
  return job.priority === 0 ? { ...job, priority } : job
}

function checkArgs(step: StepSpec, what: string): unknown {
  const schema = step.job?.terms?.schema
  if (schema == null || step.args.holes.length > 0) return undefined
  const input = decodeJson(step.args.value)
  return validateInput(schema, input, `${what}: the arguments of step ${inspect(step.name)}`)
}
