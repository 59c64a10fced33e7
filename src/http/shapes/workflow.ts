import { WORKFLOW_STATES } from '../../core/workflow-state.ts'
import {
  flag,
  type Infer,
  integer,
  list,
  named,
  nullable,
  object,
  oneOf,
  text,
  time,
} from '../schema.ts'
import { cutShape, page } from './page.ts'

const failureShape = object({
  step: nullable(text()),
  kind: text(),
  message: text({ allowEmpty: true }),
})

const fields = {
  id: text({ format: 'uuid' }),
  name: text(),
  state: oneOf(WORKFLOW_STATES),
  /** Why nothing more of it starts; null: it continues. */
  stopping: nullable(oneOf(['cancelled', 'deadline', 'failure'])),
  priority: integer(),
  uniqueKey: nullable(text()),
  createdAt: time(),
  deadlineAt: nullable(time()),
  finishedAt: nullable(time()),
  expiresAt: nullable(time()),
  meta: cutShape,
  failure: nullable(failureShape),
}

export const workflowRowShape = named(
  'WorkflowRow',
  object({
    ...fields,
    /** Steps by state, without the items of maps; `open` is ready, running or retrying. */
    counts: object({
      waiting: integer(),
      open: integer(),
      succeeded: integer(),
      failed: integer(),
      cancelled: integer(),
      skipped: integer(),
    }),
  }),
)
export type WireWorkflowRow = Infer<typeof workflowRowShape>
export const workflowPageShape = named('WorkflowPage', page(workflowRowShape))

export const stepShape = named(
  'Step',
  object({
    name: text(),
    state: text(),
    /** The names of the steps that it waits for: the edges of the graph. */
    after: list(text()),
    runWhen: text(),
    mayFail: flag(),
    /** The id of its job; null for a map, and for the begin and the end of an included workflow. */
    job: nullable(text()),
    /** The map that it is an item of. */
    map: nullable(text()),
    endedAt: nullable(time()),
    error: nullable(failureShape),
  }),
)
export type WireStep = Infer<typeof stepShape>

export const workflowShape = named(
  'Workflow',
  object({
    ...fields,
    output: nullable(cutShape),
    /** At most 10,000. */
    steps: list(stepShape),
  }),
)
export type WireWorkflow = Infer<typeof workflowShape>

export const workflowVerdictShape = named(
  'WorkflowVerdict',
  object({
    verdict: oneOf(['cancelled', 'requested', 'finished', 'retried']),
    /** How many steps are open again, of a retry. */
    steps: nullable(integer()),
    workflow: nullable(workflowShape),
  }),
)
export type WireWorkflowVerdict = Infer<typeof workflowVerdictShape>
