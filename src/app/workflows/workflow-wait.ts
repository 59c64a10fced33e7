import { NotFoundError, WaitTimedOutError } from '../../core/errors.ts'
import type { PushedWorkflow } from '../../core/workflow/pushed-workflow.ts'
import { WORKFLOW_STATES } from '../../core/workflow-state.ts'
import { plainArray } from '../../database/array-literal.ts'
import { getFlow, getFlowStates } from '../../database/statements/flows.ts'
import type { OverdueWait } from '../read/wait-timeout.ts'
import type { WaitSubject } from '../read/waiter.ts'
import type { StatementRunner } from '../statement-runner.ts'
import { pushedWorkflow } from './workflow-rows.ts'

/** Open steps that the error of an overdue wait names. */
const MAX_NAMED = 3

/** Workflows, by their ids. */
export function awaitedWorkflows(statements: StatementRunner): WaitSubject<PushedWorkflow> {
  return {
    method: 'waitForWorkflow',
    states: WORKFLOW_STATES,
    finished: WORKFLOW_STATES.filter((state) => state !== 'running'),
    notFound: workflowNotFound,
    timedOut: (overdue) => timedOut(statements, overdue),
    read: async (ids, states) => {
      const rows = await statements.read(getFlowStates, [plainArray(ids)])
      const known = rows.map(async ({ id, state }) => {
        const snapshot = states.has(state) ? await readWorkflow(statements, id) : null
        return [id, { state: snapshot?.state ?? state, snapshot }] as const
      })
      return new Map(await Promise.all(known))
    },
  }
}

/** The workflow as it is now, or null when there is none. */
export async function readWorkflow(
  statements: StatementRunner,
  id: string,
): Promise<PushedWorkflow | null> {
  const [row] = await statements.read(getFlow, [id])
  return row === undefined ? null : pushedWorkflow(row)
}

/** The error for a workflow without a committed row. */
export function workflowNotFound(id: string): NotFoundError {
  return new NotFoundError(
    'WORKFLOW_NOT_FOUND',
    `No committed workflow has the id ${id}. Its transaction is still open or was rolled back, or its retention has passed.`,
    { details: { id } },
  )
}

/** What keeps a batch open, as a sentence. */
function openJobs(workflow: PushedWorkflow | null): string {
  const batch = workflow?.batch ?? null
  if (batch === null) return ''
  const { total, succeeded, failed, cancelled, isPushing } = batch
  const more = isPushing ? ', and more are being pushed' : ''
  return ` Of ${total} jobs ${total - succeeded - failed - cancelled} have not ended${more}.`
}

async function timedOut(
  statements: StatementRunner,
  { left: missing, timeoutMs }: OverdueWait,
): Promise<WaitTimedOutError> {
  const [id = ''] = missing
  const workflow = await readWorkflow(statements, id).catch(() => null)
  const open = workflow?.steps.filter(({ endedAt, map }) => endedAt === null && map === null) ?? []
  const left = openJobs(workflow)
  const shown = open.slice(0, MAX_NAMED).map(({ name, state }) => `"${name}" is ${state}`)
  const rest = open.length > MAX_NAMED ? `, and ${open.length - MAX_NAMED} more are open` : ''
  const why = shown.length === 0 ? left : ` Step ${shown.join(', ')}${rest}.`
  return new WaitTimedOutError(
    `The workflow ${id} had not ended after ${timeoutMs} ms.${why} The wait is over, the work is not: wait again, or give it more time.`,
    { details: { ids: [...missing], timeoutMs, open: open.map(({ name }) => name).slice(0, 100) } },
  )
}
