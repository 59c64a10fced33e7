import type { ActionOptions } from '../core/action-options.ts'
import type { ConcurrencyGroup, GroupPage, GroupQuery } from '../core/concurrency-group.ts'
import { PluginError } from '../core/errors.ts'
import type { Queue } from '../core/queue.ts'
import type { AllQueueCounts } from '../core/queue-counts.ts'
import type { JobId } from '../core/reference.ts'
import type { CancelVerdict } from '../database/statements/jobs.ts'
import type { AppParts } from './app-parts.ts'
import { Audit } from './audit/audit.ts'
import { Bulk } from './bulk/bulk.ts'
import type {
  BulkActions,
  BulkFilter,
  BulkOptions,
  CancelCounts,
  RetryCounts,
} from './bulk-actions.ts'
import { Failures } from './failures.ts'
import type { PluginOffers } from './plugin-offers.ts'
import type { DeclaredQueue } from './queues.ts'
import { JobCalls } from './search/job-calls.ts'

/** What is done to jobs and queues by hand, and what is known of that. */
export abstract class ActionCalls extends JobCalls {
  /** What the application is made of. @internal */
  protected abstract parts(): AppParts
  #audit: Audit | null = null
  #bulk: Bulk | null = null
  #failures: Failures | null = null

  /** What the default plugins do. @internal */
  protected offers(): PluginOffers {
    const missing = (plugin: string) => async (): Promise<never> => {
      throw new PluginError('PLUGIN_MISSING', `This Chancy has no plugin "${plugin}".`, {
        details: { plugin, plugins: [] },
      })
    }
    return { failures: missing('chancy.failures'), queueCounts: missing('chancy.metrics') }
  }

  /** Who did what to what, why, and what came of it. */
  get audit(): Audit {
    this.#audit ??= new Audit(this.parts().statements, this.parts().audit)
    return this.#audit
  }

  /** Actions on many jobs, which can be paused, slowed and undone. */
  get bulk(): Bulk {
    const { bulk, internals } = this.parts()
    this.#bulk ??= new Bulk(bulk, (signal) =>
      internals.database.unbounded(() =>
        internals.translatingErrors(async () => (await internals.bulkCarrier()).run(signal)),
      ),
    )
    return this.#bulk
  }

  /** Failures of jobs, by what they have in common. */
  get failures(): Failures {
    this.#failures ??= new Failures(() => this.offers().failures())
    return this.#failures
  }

  /**
   * Jobs of each queue by what they wait for, as last counted: every two seconds to 10,000, and what is more every 30
   * seconds or less often. Costs a row a queue. Needs the plugin `metrics`, which is there by default.
   *
   * @throws {PluginError} `PLUGIN_MISSING`
   */
  getQueueCounts(): Promise<AllQueueCounts> {
    return this.offers().queueCounts()
  }

  /** A page of concurrency groups with jobs, by key: what runs, and to 1,000 what is blocked. @throws {ConfigError} */
  async getGroups(query?: GroupQuery): Promise<GroupPage> {
    const { readGroups } = await import('./read/groups.ts')
    return readGroups(this.parts().statements, query)
  }

  /** One concurrency group with the jobs that hold its slots, or null when it has no job. @throws {ConfigError} */
  async getGroup(key: string): Promise<ConcurrencyGroup | null> {
    const { readGroup } = await import('./read/groups.ts')
    return readGroup(this.parts().statements, key)
  }

  /**
   * Declares a queue and returns it as stored. One that exists stays as it is, unless `upsert`;
   * what it was given and is stored otherwise is logged, and stands in `ignored`.
   */
  declare(
    queue: Queue,
    options?: { readonly upsert?: boolean } & ActionOptions,
  ): Promise<DeclaredQueue> {
    return this.parts().queues.declare(queue, options)
  }

  /** Its jobs stay and wait until it is declared again. @throws {NotFoundError} */
  deleteQueue(name: string, options?: ActionOptions): Promise<void> {
    return this.parts().queues.delete(name, options)
  }

  /** Nothing more of it starts, anywhere, until `resumeAt` or `resumeQueue`; what runs continues. @throws {NotFoundError} */
  pauseQueue(name: string, options?: { readonly resumeAt?: Date } & ActionOptions): Promise<void> {
    return this.parts().queues.pause(name, options)
  }

  /** Makes a paused queue active; one that is active stays so. @throws {NotFoundError} `QUEUE_NOT_FOUND` */
  resumeQueue(name: string, options?: ActionOptions): Promise<void> {
    return this.parts().queues.resume(name, options)
  }

  /**
   * Cancels a job: a waiting one immediately, a running one by its signal and then, where the executor
   * can, by force.
   *
   * @returns 'cancelled', 'requested' (it is running), 'finished' (too late), or 'unknown'
   */
  cancel(ref: JobId, options?: ActionOptions): Promise<CancelVerdict> {
    return this.parts().actions.cancel(ref, options)
  }

  /**
   * Puts a failed or cancelled job back to waiting, with one more attempt allowed. One whose
   * `scheduledAt` has not come waits for it again.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {UniqueKeyError} `UNIQUE_KEY_TAKEN` when another job has its key
   * @throws {JobStateError} `JOB_STATE_CONFLICT` when it is waiting, running or has succeeded
   */
  retry(ref: JobId, options?: ActionOptions): Promise<void> {
    return this.parts().actions.retry(ref, options)
  }

  /**
   * Cancels every job that fits the filter and was pushed before this call, in batches of 1,000.
   *
   * @throws {ConfigError} for a filter without a condition
   */
  async cancelAll(filter: BulkFilter, options?: BulkOptions<CancelCounts>): Promise<CancelCounts> {
    return (await this.#all()).cancel(filter, options)
  }

  /**
   * Puts every failed or cancelled job that fits the filter back to waiting, as `retry` does one, in batches of 1,000.
   *
   * @throws {ConfigError} for a filter without a condition
   */
  async retryAll(filter: BulkFilter, options?: BulkOptions<RetryCounts>): Promise<RetryCounts> {
    return (await this.#all()).retry(filter, options)
  }

  /** A producer does not load what compiles rules. */
  async #all(): Promise<BulkActions> {
    const { statements, actions, throttle } = this.parts()
    const { BulkActions: All } = await import('./bulk-actions.ts')
    return new All(statements, actions, throttle !== null)
  }
}
