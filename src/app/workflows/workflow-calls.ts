import type { ActionOptions } from '../../core/action-options.ts'
import type { Duration } from '../../core/duration.ts'
import type { Batch } from '../../core/workflow/batch.ts'
import type {
  EndedWorkflow,
  ListedWorkflow,
  PushedWorkflow,
} from '../../core/workflow/pushed-workflow.ts'
import type { WorkflowId, WorkflowReference } from '../../core/workflow-reference.ts'
import type { CancelVerdict } from '../../database/statements/jobs.ts'
import type { PushOptions } from '../options.ts'
import type { Jobs } from '../push/batches.ts'
import type { ListWorkflowsOptions, WorkflowActions } from './workflow-actions.ts'

/** Options of `waitForWorkflow`. */
export interface WaitForWorkflowOptions {
  /** How long to wait, in milliseconds or like `'30s'`. Default: no limit. */
  readonly timeout?: Duration
  /** Ends the wait with the signal's reason. Default: none. */
  readonly signal?: AbortSignal
}

/** Options of `pushBatch`. */
export interface PushBatchOptions extends PushOptions {
  /** Jobs a transaction. Default: 5,000. */
  readonly batchSize?: number
}

/** What an application does with workflows and batches, beside pushing workflows. */
export abstract class WorkflowCalls {
  /** Loads what works with workflows. @internal */
  protected abstract workflows(): Promise<WorkflowActions>

  /**
   * Pushes the jobs of a batch, of any iterable, `batchSize` (default 5,000) a transaction; with a session all in the
   * caller's. When all have ended, the callbacks of the batch are pushed, once; never before the iterable has ended. A job
   * whose unique key is taken is not a job of the batch. Without jobs it ends immediately.
   *
   * When the iterable throws, a job is wrong or `close()` ends the push, the batch fails and what waits of it is
   * cancelled. When this process is lost meanwhile, that happens five minutes later.
   *
   * @returns what `getWorkflow`, `waitForWorkflow` and `cancelWorkflow` take
   * @throws {ConfigError} when a job cannot be stored, or has `whenTaken`
   * @throws {JobStateError} when the batch was cancelled meanwhile; `details.pushed` of its jobs were pushed
   * @throws {ChancyError} `CLOSED`
   */
  async pushBatch<T>(
    batch: Batch,
    jobs: Jobs<T>,
    options?: PushBatchOptions,
  ): Promise<WorkflowReference<null>> {
    return (await this.workflows()).pushBatch(batch, jobs, options)
  }

  /**
   * Adds jobs to a batch that has not ended. It surely has not while one of its jobs runs: `context.batch` there is its
   * reference.
   *
   * @returns how many were added: all but those whose unique key is taken
   * @throws {NotFoundError} `WORKFLOW_NOT_FOUND`
   * @throws {JobStateError} when the batch has ended or is being cancelled; `details.added` jobs were added before
   */
  async addToBatch<T>(
    ref: WorkflowId,
    jobs: Jobs<T>,
    options?: Pick<PushBatchOptions, 'batchSize'>,
  ): Promise<number> {
    return (await this.workflows()).addToBatch(ref, jobs, options)
  }

  /** The workflow as it is now, with every step, or null when there is none. */
  async getWorkflow<O = unknown>(ref: WorkflowId<O>): Promise<PushedWorkflow<O> | null> {
    return (await this.workflows()).get(ref)
  }

  /** A page of workflows without their steps, newest first. */
  async listWorkflows(options?: ListWorkflowsOptions): Promise<ListedWorkflow[]> {
    return (await this.workflows()).list(options)
  }

  /**
   * Waits until a workflow has ended, and returns its snapshot from then.
   *
   * @throws {NotFoundError} `WORKFLOW_NOT_FOUND`: it is not committed, or its retention has passed
   * @throws {WaitTimedOutError}
   */
  async waitForWorkflow<O = unknown>(
    ref: WorkflowId<O>,
    options?: WaitForWorkflowOptions,
  ): Promise<EndedWorkflow<O>> {
    return (await this.workflows()).waitFor(ref, options)
  }

  /**
   * Cancels a workflow: waiting steps end immediately, running ones by their signal, and nothing of it starts any more.
   *
   * @returns 'cancelled', 'requested' (some of it runs), 'finished' (too late), or 'unknown'
   */
  async cancelWorkflow(ref: WorkflowId, options?: ActionOptions): Promise<CancelVerdict> {
    return (await this.workflows()).cancel(ref, options)
  }

  /**
   * Runs steps again, each with one more attempt, and what was skipped for them when its turn comes; also while the
   * workflow runs. A workflow that has ended runs again.
   *
   * @param options.steps Their names: they run again with all behind them, also where they succeeded, while their jobs
   *   are kept. Default: those that failed or were cancelled.
   * @returns how many steps are open again
   * @throws {ConfigError} when it has no step of a name
   * @throws {NotFoundError} `WORKFLOW_NOT_FOUND`; `JOB_NOT_FOUND` when the job of a step that succeeded was pruned
   * @throws {JobStateError} `JOB_STATE_CONFLICT` when there is nothing to retry, or it is being cancelled
   * @throws {UniqueKeyError} `UNIQUE_KEY_TAKEN` when another workflow has its key
   */
  async retryWorkflow(
    ref: WorkflowId,
    options?: { readonly steps?: readonly string[] } & ActionOptions,
  ): Promise<number> {
    return (await this.workflows()).retry(ref, options)
  }
}
