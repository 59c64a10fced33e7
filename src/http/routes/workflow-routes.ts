import { ChancyError } from '../../core/errors.ts'
import { WORKFLOW_STATES } from '../../core/workflow-state.ts'
import { actionOf, type Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { list, object, oneOf, optional, text } from '../schema.ts'
import { explanationShape } from '../shapes/explanation.ts'
import {
  type WireWorkflow,
  type WireWorkflowVerdict,
  workflowPageShape,
  workflowShape,
  workflowVerdictShape,
} from '../shapes/workflow.ts'
import { explanationJson } from './explanation-json.ts'
import { KeyedList } from './keyed-list.ts'
import { limitOf, pageQuery } from './query.ts'
import { workflowJson, workflowRowJson } from './workflow-json.ts'

const reason = optional(text({ maxBytes: 1_000 }))

export const workflowRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/workflows',
    verb: 'workflows.view',
    about: 'all-queues',
    summary: 'a page of workflows, newest first, without their steps',
    query: { ...pageQuery, name: text({ maxBytes: 200 }), state: oneOf(WORKFLOW_STATES) },
    answer: workflowPageShape,
    work: async (call) => {
      const { reads, permit, query } = call
      const limit = limitOf(call, query.limit)
      const list = new KeyedList('workflows', query.name, query.state)
      const found = await reads.listWorkflows({
        name: query.name,
        state: query.state,
        after: list.keyOf(query.cursor),
        limit: limit + 1,
      })
      const page = list.page(found, limit, ({ id }) => id)
      return { ...page, items: page.items.map((one) => workflowRowJson(one, permit.masks)) }
    },
  }),
  route({
    method: 'GET',
    path: '/workflows/:id',
    verb: 'workflows.view',
    about: 'all-queues',
    summary: 'one workflow, with its steps and what they wait for',
    answer: workflowShape,
    work: (call) => readWorkflow(call, call.reads, call.params.id),
  }),
  route({
    method: 'GET',
    path: '/workflows/:id/explain',
    verb: 'workflows.view',
    about: 'all-queues',
    summary: 'what the callbacks of a batch wait for',
    answer: explanationShape,
    work: async ({ reads, params }) => {
      const found = await reads.getWorkflow(params.id)
      if (found?.batch == null)
        throw new ChancyError('WORKFLOW_NOT_FOUND', `No batch has the id ${params.id}.`, {
          details: { id: params.id },
        })
      return explanationJson(await reads.explain(params.id))
    },
  }),
  route({
    method: 'POST',
    path: '/workflows/:id/cancel',
    verb: 'workflows.act',
    about: 'all-queues',
    summary: 'cancels a workflow',
    body: object({ reason }),
    answer: workflowVerdictShape,
    work: async (call) => {
      const { id } = call.params
      await readWorkflow(call, call.chancy, id)
      const verdict = await call.chancy.cancelWorkflow(id, actionOf(call, call.body.reason))
      return verdictOf(call, id, verdict === 'unknown' ? 'finished' : verdict, null)
    },
  }),
  route({
    method: 'POST',
    path: '/workflows/:id/retry',
    verb: 'workflows.act',
    about: 'all-queues',
    summary: 'runs steps again: those that failed, or those that are named',
    body: object({ steps: optional(list(text(), { max: 1_000 })), reason }),
    answer: workflowVerdictShape,
    work: async (call) => {
      const { id } = call.params
      const { steps, reason } = call.body
      const open = await call.chancy.retryWorkflow(id, {
        ...(steps !== undefined && { steps }),
        ...actionOf(call, reason),
      })
      return verdictOf(call, id, 'retried', open)
    },
  }),
]

/** @throws {ChancyError} `WORKFLOW_NOT_FOUND` */
export async function readWorkflow(
  { permit }: Call,
  chancy: Call['chancy'],
  id: string,
): Promise<WireWorkflow> {
  const found = await chancy.getWorkflow(id)
  if (found !== null) return workflowJson(found, permit.masks)
  throw new ChancyError('WORKFLOW_NOT_FOUND', `No workflow has the id ${id}.`, { details: { id } })
}

async function verdictOf(
  { chancy, permit }: Call,
  id: string,
  verdict: WireWorkflowVerdict['verdict'],
  steps: number | null,
): Promise<WireWorkflowVerdict> {
  const found = await chancy.getWorkflow(id)
  return { verdict, steps, workflow: found === null ? null : workflowJson(found, permit.masks) }
}
