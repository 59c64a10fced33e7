import type { Outcome } from '../../core/outcome.ts'
import type { StopRequest } from '../../core/stop-request.ts'
import type { Launch } from '../child.ts'
import type { Attempt, Executor, ExecutorSettings } from '../executor.ts'
import { ChildPool } from './child-pool.ts'
import type { PoolOptions } from './pool-options.ts'
import type { PoolQueue } from './pool-queue.ts'

/** A pool of children with one queue, which has all of them. */
export abstract class PoolExecutor implements Executor {
  readonly #pool: ChildPool
  readonly #queue: PoolQueue

  /** @throws {ConfigError} when a job has no module */
  protected constructor(name: string, launch: Launch, options: PoolOptions & ExecutorSettings) {
    this.#pool = new ChildPool(name, launch, options)
    this.#queue = this.#pool.open(options)
  }

  get defaultConcurrency(): number {
    return this.#queue.defaultConcurrency
  }

  get running(): number {
    return this.#queue.running
  }

  get capacity(): number {
    return this.#queue.capacity
  }

  get ahead(): number {
    return this.#queue.ahead
  }

  async start(): Promise<void> {
    try {
      await this.#queue.start()
    } catch (error) {
      await this.stop({ graceMs: 0 })
      throw error
    }
  }

  run(attempt: Attempt, stop: StopRequest): Promise<Outcome> {
    return this.#queue.run(attempt, stop)
  }

  returnUnbegun(): void {
    this.#queue.returnUnbegun()
  }

  update(settings: ExecutorSettings): void {
    this.#queue.update(settings)
  }

  stop(options: { readonly graceMs: number }): Promise<void> {
    return this.#pool.stop(options)
  }

  /** Process ids of the children that are there. */
  get pids(): number[] {
    return this.#pool.pids
  }
}
