import type { ActedBy } from '../../core/action-options.ts'
import { inspect } from '../../core/check.ts'
import {
  ConfigError,
  isChancyError,
  JobStateError,
  NotFoundError,
  UniqueKeyError,
} from '../../core/errors.ts'
import { textArray } from '../../database/array-literal.ts'
import { sqlStateOf, UNIQUE_VIOLATION } from '../../database/sql-state.ts'
import { type RetriedFlowRow, retryFlow } from '../../database/statements/flows.ts'
import type { Hub } from '../../events/hub.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { NotifyThrottle } from '../push/notify-throttle.ts'
import type { StatementRunner } from '../statement-runner.ts'
import { workflowNotFound } from './workflow-wait.ts'

export interface RetryParts {
  readonly statements: StatementRunner
  readonly hub: Hub
  readonly throttle: NotifyThrottle | null
  readonly audit: () => Promise<AuditLog>
}

/** Runs steps of a workflow again; returns how many are open again. */
export async function retryWorkflow(
  parts: RetryParts,
  id: string,
  steps: unknown,
  by: ActedBy | null,
): Promise<number> {
  const names = steps === undefined ? null : textArray(checkNames(steps))
  const { steps: opened, queues } = await retried(parts, id, names, by)
  for (const queue of queues === null ? [] : (JSON.parse(queues) as string[])) {
    parts.hub.emit('queue.pushed', { queue })
  }
  return opened
}

/** One transaction counts a thousand ends at most, so it is called until all are counted. */
async function retried(
  { statements, throttle, audit }: RetryParts,
  id: string,
  names: string | null,
  by: ActedBy | null,
): Promise<RetriedFlowRow> {
  const values = [id, names, throttle !== null] as const
  const deed = { verb: 'workflows.retry', target: `workflow:${id}` }
  for (;;) {
    const row = await withKeyError(id, async () => {
      if (by === null) {
        const [found] = await statements.again((database) => database.engine(retryFlow, values))
        return checked(id, found)
      }
      return (await audit()).act(by, deed, async (database, session) => {
        const found = await withKeyError(id, () => database.run(retryFlow, values, { session }))
        const value = checked(id, found[0])
        return { value, isSilent: value.verdict === 'again', after: { steps: value.steps } }
      })
    })
    if (row.verdict !== 'again') return row
  }
}

/** @throws what says why it cannot be retried */
function checked(id: string, row: RetriedFlowRow | undefined): RetriedFlowRow {
  const { verdict, detail } = row ?? { verdict: 'unknown', detail: null }
  switch (verdict) {
    case 'retried':
    case 'again':
      return row as RetriedFlowRow
    case 'unknown':
      throw workflowNotFound(id)
    case 'batch':
      throw new ConfigError(
        `retryWorkflow: ${id} is a batch, which has no steps. Retry its jobs: each runs again by itself, and the batch has counted it.`,
        { details: { id } },
      )
    case 'unknown-step':
      throw new ConfigError(`retryWorkflow: the workflow ${id} has no step ${inspect(detail)}.`, {
        details: { id, step: detail },
      })
    case 'job-gone':
      throw new NotFoundError(
        'JOB_NOT_FOUND',
        `retryWorkflow: the job of the step ${inspect(detail)} was pruned, and with it what to run. Push the workflow again.`,
        { details: { id, step: detail } },
      )
    case 'stopping':
      throw new JobStateError(
        `retryWorkflow: the workflow ${id} is being cancelled. Wait for its end.`,
        { details: { id, state: 'running' } },
      )
    default:
      throw new JobStateError(
        `retryWorkflow: the workflow ${id} is ${verdict}, and none of its steps failed or was cancelled. Name steps to run again.`,
        { details: { id, state: verdict } },
      )
  }
}

async function withKeyError<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const states = [sqlStateOf(error), sqlStateOf((error as Error).cause)]
    if (isChancyError(error) && error.code === 'UNIQUE_KEY_TAKEN') throw error
    if (!states.includes(UNIQUE_VIOLATION)) throw error
    throw new UniqueKeyError(
      'UNIQUE_KEY_TAKEN',
      `The workflow ${id} cannot run again: another one has its unique key. Wait for that one, or cancel it.`,
      { details: { id }, cause: error },
    )
  }
}

function checkNames(steps: unknown): string[] {
  const isList = Array.isArray(steps) && steps.length > 0
  if (isList && steps.every((name) => typeof name === 'string')) return steps as string[]
  throw new ConfigError(
    `retryWorkflow: steps: expected an array of names of steps, got ${inspect(steps)}.`,
  )
}
