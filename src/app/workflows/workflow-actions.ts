import {
  ACTION_OPTIONS,
  type ActedBy,
  type ActionOptions,
  parseActedBy,
} from '../../core/action-options.ts'
import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { MAX_KEY_BYTES, MAX_NAME_BYTES } from '../../core/job-name.ts'
import type { Batch } from '../../core/workflow/batch.ts'
import type {
  EndedWorkflow,
  ListedWorkflow,
  PushedWorkflow,
} from '../../core/workflow/pushed-workflow.ts'
import { isWorkflow, type Workflow } from '../../core/workflow/workflow.ts'
import {
  type WorkflowId,
  type WorkflowReference,
  workflowIdOf,
} from '../../core/workflow-reference.ts'
import { WORKFLOW_STATES, type WorkflowState } from '../../core/workflow-state.ts'
import { cancelFlow, listFlows } from '../../database/statements/flows.ts'
import type { CancelVerdict } from '../../database/statements/jobs.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { PushOptions } from '../options.ts'
import type { Jobs } from '../push/batches.ts'
import { Waiter } from '../read/waiter.ts'
import { BatchPusher, type BatchPusherOptions } from './batch-pusher.ts'
import { WorkflowPusher, type WorkflowPusherOptions } from './workflow-pusher.ts'
import { retryWorkflow } from './workflow-retry.ts'
import { listedWorkflow } from './workflow-rows.ts'
import { awaitedWorkflows, readWorkflow } from './workflow-wait.ts'

/** Which workflows `listWorkflows` returns: those that fit all that is given. */
export interface ListWorkflowsOptions {
  /** Their name. Default: all. */
  readonly name?: string | undefined
  /** Their state. Default: all. */
  readonly state?: WorkflowState | undefined
  /** Workflows of steps, or batches. Default: both. */
  readonly kind?: 'workflow' | 'batch' | undefined
  /** Their unique key. Default: all. */
  readonly uniqueKey?: string | undefined
  /** The last one of the page before. Default: the first page. */
  readonly after?: WorkflowId | undefined
  /** 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined
}

export interface WorkflowActionsOptions extends WorkflowPusherOptions, BatchPusherOptions {
  readonly audit: () => Promise<AuditLog>
  /** Refuses when the application is being closed. */
  readonly checkOpen: () => void
  /** Whether notifications are received. */
  readonly canListen: boolean
}

/** Pushes, reads, awaits and cancels workflows. */
export class WorkflowActions {
  readonly #options: WorkflowActionsOptions
  readonly #pusher: WorkflowPusher
  readonly #batches: BatchPusher
  readonly #waiter: Waiter<PushedWorkflow>

  constructor(options: WorkflowActionsOptions) {
    const { statements, hub, database, canListen } = options
    this.#options = options
    this.#pusher = new WorkflowPusher(options)
    this.#batches = new BatchPusher(options)
    const subject = awaitedWorkflows(statements)
    this.#waiter = new Waiter(subject, statements, hub, database.clock, canListen)
  }

  push<O>(workflow: Workflow<O>, options: PushOptions | undefined): Promise<WorkflowReference<O>> {
    const { session } = checkOptions(options, ['session'], 'push')
    this.#options.checkOpen()
    return this.#pusher.push(workflow, session)
  }

  /** One after the other, so that none is there behind one that failed. */
  async pushMany(
    workflows: Iterable<unknown> | AsyncIterable<unknown>,
    options: PushOptions | undefined,
  ): Promise<WorkflowReference[]> {
    const { session } = checkOptions(options, ['session'], 'pushMany')
    const references: WorkflowReference[] = []
    for await (const workflow of workflows) {
      if (!isWorkflow(workflow)) {
        throw new ConfigError(
          `pushMany: the element ${references.length} is ${inspect(workflow)}, and those before it are workflows. Push jobs by a call of their own.`,
        )
      }
      this.#options.checkOpen()
      references.push(await this.#pusher.push(workflow, session))
    }
    return references
  }

  get<O>(ref: WorkflowId<O>): Promise<PushedWorkflow<O> | null> {
    const id = workflowIdOf(ref)
    return readWorkflow(this.#options.statements, id) as Promise<PushedWorkflow<O> | null>
  }

  async list(options: ListWorkflowsOptions | undefined): Promise<ListedWorkflow[]> {
    const names = ['name', 'state', 'kind', 'uniqueKey', 'after', 'limit']
    const what = 'listWorkflows'
    const { name, state, kind, uniqueKey, after, limit } = checkOptions(options, names, what)
    const text = (value: unknown, of: string, maxBytes: number): string | null =>
      value === undefined ? null : checkText(value, { what: `${what}: ${of}`, maxBytes })
    const rows = await this.#options.statements.read(listFlows, [
      text(name, 'name', MAX_NAME_BYTES),
      state === undefined ? null : checkOneOf(state, WORKFLOW_STATES, `${what}: state`),
      text(uniqueKey, 'uniqueKey', MAX_KEY_BYTES),
      after === undefined ? null : workflowIdOf(after as WorkflowId),
      checkInteger(limit ?? 100, `${what}: limit`, { min: 1, max: 1_000 }),
      kind === undefined ? null : checkOneOf(kind, ['workflow', 'batch'], `${what}: kind`),
    ])
    return rows.map(listedWorkflow)
  }

  async waitFor<O>(ref: WorkflowId<O>, options: object | undefined): Promise<EndedWorkflow<O>> {
    const given = checkOptions(options, ['timeout', 'signal'], 'waitForWorkflow')
    const [ended] = await this.#waiter.waitFor([workflowIdOf(ref)], given)
    return ended as EndedWorkflow<O>
  }

  /** One transaction ends a thousand steps at most, so it is called until nothing is left. */
  async cancel(ref: WorkflowId, options?: ActionOptions): Promise<CancelVerdict> {
    const id = workflowIdOf(ref)
    const given = checkOptions(options, ACTION_OPTIONS, 'cancelWorkflow')
    let by = parseActedBy(given, 'cancelWorkflow')
    const { hub, makeReady } = this.#options
    for (;;) {
      // The first transaction says that nothing of it starts any more: it is the one to write down.
      const answer = await (by === null ? this.#cancel(id) : this.#cancelBy(id, by))
      by = null
      const { verdict, is_left: isLeft, is_batch: isBatch, asked, freed } = answer
      for (const job of texts(asked)) hub.emit('job.cancelled', { id: job })
      const keys = texts(freed)
      if (keys.length > 0) await makeReady(keys)
      if (isLeft) continue
      if (verdict === 'cancelled')
        hub.emit(isBatch ? 'batch.finished' : 'workflow.finished', { id, state: 'cancelled' })
      return verdict
    }
  }

  /** A workflow that a try has cancelled whose answer was lost looks finished to the next one. */
  #cancel(id: string) {
    return this.#options.statements.again(async (database, isInDoubt) => {
      const [answer] = await database.engine(cancelFlow, [id])
      const nothing = { is_left: false, is_batch: false, asked: null, freed: null }
      if (answer === undefined) return { verdict: 'unknown' as const, ...nothing }
      if (!isInDoubt || answer.verdict !== 'finished') return answer
      const workflow = await readWorkflow(this.#options.statements, id)
      return workflow?.state === 'cancelled' ? { ...answer, verdict: 'cancelled' as const } : answer
    })
  }

  async #cancelBy(id: string, by: ActedBy) {
    const deed = { verb: 'workflows.cancel', target: `workflow:${id}` }
    return (await this.#options.audit()).act(by, deed, async (database, session) => {
      const [answer] = await database.run(cancelFlow, [id], { session })
      const nothing = { is_left: false, is_batch: false, asked: null, freed: null }
      const value = answer ?? { verdict: 'unknown' as const, ...nothing }
      const isDone = value.verdict === 'cancelled' || value.verdict === 'requested'
      const outcome = isDone ? ('done' as const) : ('unchanged' as const)
      return { value, outcome, after: { verdict: value.verdict } }
    })
  }

  async retry(ref: WorkflowId, options: object | undefined): Promise<number> {
    const id = workflowIdOf(ref)
    const given = checkOptions(options, ['steps', ...ACTION_OPTIONS], 'retryWorkflow')
    const { steps } = given
    this.#options.checkOpen()
    return retryWorkflow(this.#options, id, steps, parseActedBy(given, 'retryWorkflow'))
  }

  async pushBatch<T>(
    batch: Batch,
    jobs: Jobs<T>,
    options: unknown,
  ): Promise<WorkflowReference<null>> {
    this.#options.checkOpen()
    return this.#batches.push(batch, jobs, options)
  }

  async addToBatch<T>(ref: WorkflowId, jobs: Jobs<T>, options: unknown): Promise<number> {
    this.#options.checkOpen()
    return this.#batches.add(workflowIdOf(ref), jobs, options)
  }

  async close(): Promise<void> {
    await this.#batches.close()
    await this.#waiter.close()
  }
}

function texts(json: string | null): string[] {
  return json === null ? [] : (JSON.parse(json) as string[])
}
