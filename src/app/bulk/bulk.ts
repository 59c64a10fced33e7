import type { ActionOptions } from '../../core/action-options.ts'
import type {
  BulkAction,
  BulkPage,
  BulkPreview,
  BulkQuery,
  BulkRequest,
  BulkStartOptions,
} from '../../core/bulk-action.ts'
import type { BulkStore } from './bulk-store.ts'

/**
 * Actions on many jobs: rows of the database, which any process with a worker or a handler of the HTTP API carries on,
 * 100 jobs a transaction, at their rate.
 */
export class Bulk {
  readonly #load: () => Promise<BulkStore>
  readonly #carry: (signal?: AbortSignal) => Promise<void>

  /** @internal */
  constructor(load: () => Promise<BulkStore>, carry: (signal?: AbortSignal) => Promise<void>) {
    this.#load = load
    this.#carry = carry
  }

  /**
   * What an action would do: counts to 10,000 or for 150 ms. Changes nothing.
   *
   * @throws {ConfigError} for a filter that is not bounded, and anything else that `start` refuses
   */
  async preview(request: BulkRequest, options?: BulkStartOptions): Promise<BulkPreview> {
    return (await this.#load()).preview(request, options)
  }

  /**
   * Creates an action. Its filter is frozen: relative times become dates, and jobs that are pushed later are not touched.
   *
   * @throws {ConfigError} for a filter without state, queue, name, failure and group, unless `everything`
   */
  async start(request: BulkRequest, options?: BulkStartOptions): Promise<BulkAction> {
    return (await this.#load()).start(request, options)
  }

  /** An action as it is now, or null when there is none. @throws {ConfigError} when it is no id */
  async get(id: string): Promise<BulkAction | null> {
    return (await this.#load()).get(id)
  }

  /** A page of actions, the newest first. @throws {ConfigError} */
  async list(query?: BulkQuery): Promise<BulkPage> {
    return (await this.#load()).list(query)
  }

  /** Holds within a second. @throws {NotFoundError} `BULK_NOT_FOUND` @throws {JobStateError} when it has ended */
  async pause(id: string, options?: ActionOptions): Promise<BulkAction> {
    return (await this.#load()).pause(id, options)
  }

  /** @throws {NotFoundError} `BULK_NOT_FOUND` @throws {JobStateError} when it has ended */
  async resume(id: string, options?: ActionOptions): Promise<BulkAction> {
    return (await this.#load()).resume(id, options)
  }

  /** Ends it where it is. @throws {NotFoundError} `BULK_NOT_FOUND` @throws {JobStateError} when it has ended */
  async stop(id: string, options?: ActionOptions): Promise<BulkAction> {
    return (await this.#load()).stop(id, options)
  }

  /** @param jobsPerSecond 1 to 2,000 @throws {NotFoundError} `BULK_NOT_FOUND` @throws {JobStateError} when it has ended */
  async setRate(id: string, jobsPerSecond: number, options?: ActionOptions): Promise<BulkAction> {
    return (await this.#load()).setRate(id, jobsPerSecond, options)
  }

  /**
   * Takes an action back. One that has not begun, such as one that deletes within its undo window, is stopped. Within an
   * hour after it last changed a job, another action puts back what jobs were, where they have not changed since: it is
   * skipped with `CHANGED_MEANWHILE` otherwise. An action under way is stopped first.
   *
   * @returns the action that undoes it, or the one that was stopped
   * @throws {NotFoundError} `BULK_NOT_FOUND`
   * @throws {JobStateError} when nothing of it can be taken back
   */
  async undo(id: string, options?: ActionOptions): Promise<BulkAction> {
    return (await this.#load()).undo(id, options)
  }

  /**
   * Carries on what is due in this process, beside what workers do, until no action waits or runs. What is paused is not
   * waited for. A process without a worker does so, such as one with a handler of the HTTP API.
   *
   * @param options `signal` ends it between two steps.
   */
  carry(options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    return this.#carry(options?.signal)
  }
}
