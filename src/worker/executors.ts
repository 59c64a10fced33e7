import { show } from '../core/check.ts'
import type { JobDefinition } from '../core/definition.ts'
import { ConfigError } from '../core/errors.ts'
import type { JobSource } from '../core/job-source.ts'
import type { Logger } from '../core/logger.ts'
import type { ExecutorKind, Queue } from '../core/queue.ts'
import type { ChildEnv } from '../executors/child.ts'
import type { Executor, ExecutorSettings } from '../executors/executor.ts'
import { InlineExecutor } from '../executors/inline-executor.ts'
import { placedSource } from '../executors/job-modules.ts'
import { ChildPool } from '../executors/pool/child-pool.ts'
import { launchProcess } from '../executors/process-child.ts'
import { launchThread } from '../executors/thread-child.ts'

export interface ExecutorsOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  /** What the children of `process` and `thread` load. */
  readonly jobs: readonly JobSource[]
  readonly log: Logger
  /** The children of a pool cannot be started, or can again. */
  readonly onTrouble: () => void
  /** The environment of children. Null: that of this process. */
  readonly childEnv: ChildEnv | null
}

interface Lent {
  readonly kind: ExecutorKind
  readonly executor: Executor
}

/** An attempt that cannot begin for this long goes back, so that another worker can have it. */
const MAX_WAIT_MS = 100

/**
 * The executors of one worker. Its queues share a pool of processes and one of threads, each made for
 * the first queue that asks for it and stopped after the last.
 */
export class Executors {
  readonly #options: ExecutorsOptions
  readonly #lent = new Map<string, Lent>()
  /** Of queues that are gone, or that asked for another kind: until their attempts have ended. */
  readonly #leaving = new Map<Executor, ExecutorKind>()
  readonly #pools = new Map<ExecutorKind, ChildPool>()
  #isStopping = false

  constructor(options: ExecutorsOptions) {
    // An executor may be made much later, after a change of the working directory.
    this.#options = { ...options, jobs: options.jobs.map(placedSource) }
  }

  /**
   * The executor of a queue, with the settings that the queue has now. Whether it can run anything
   * yet is said by its `start`.
   *
   * @throws {ConfigError} when it never can: a job without a module, an executor that is not known
   */
  for(queue: Queue): Executor {
    const settings = settingsOf(queue)
    const present = this.#lent.get(queue.name)
    if (present?.kind === queue.executor) {
      present.executor.update(settings)
      return present.executor
    }
    const executor = this.#make(queue, settings)
    this.#lent.set(queue.name, { kind: queue.executor, executor })
    if (present !== undefined) this.#leave(present)
    return executor
  }

  /** Why the executor of a queue can run nothing now, or null. */
  troubleOf(queue: string): string | null {
    const kind = this.#lent.get(queue)?.kind
    return kind === undefined ? null : (this.#pools.get(kind)?.trouble ?? null)
  }

  /** The queue is not run any more. What still runs of it goes on to its end. */
  release(queue: string): void {
    const present = this.#lent.get(queue)
    if (present === undefined) return
    this.#lent.delete(queue)
    this.#leave(present)
  }

  /** Gives up on what has never been ready: a module may never finish loading. */
  abandonStarts(): void {
    this.#isStopping = true
    for (const pool of this.#pools.values()) {
      if (!pool.wasReady) void pool.stop({ graceMs: 0 })
    }
  }

  /** Asks for back what was taken and has not begun. */
  giveBack(): void {
    for (const { executor } of this.#lent.values()) executor.giveBack()
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop({ graceMs })))
  }

  #make(queue: Queue, settings: ExecutorSettings): Executor {
    const kind = queue.executor
    if (kind === 'inline') return new InlineExecutor(this.#options.definitions)
    if (kind === 'process' || kind === 'thread') return this.#pool(kind).open(settings)
    // A row of another release, or one written by hand.
    throw new ConfigError(
      `The queue ${show(queue.name)} asks for the executor ${show(kind satisfies never)}, which this release does not have: its jobs wait for a worker that does.`,
    )
  }

  #pool(kind: 'process' | 'thread'): ChildPool {
    const present = this.#pools.get(kind)
    if (present !== undefined) return present
    const { jobs, log, childEnv, onTrouble } = this.#options
    const pool = new ChildPool(kind, kind === 'process' ? launchProcess : launchThread, {
      jobs,
      log,
      ...(childEnv === null ? {} : { env: childEnv }),
      maxWaitMs: MAX_WAIT_MS,
      onTrouble: (error) => {
        const children = kind === 'process' ? 'child processes' : 'child threads'
        if (error === null) log.info({}, `${children} start again`)
        else log.error({ err: error }, `${children} cannot start`)
        onTrouble()
      },
    })
    this.#pools.set(kind, pool)
    if (this.#isStopping) void pool.stop({ graceMs: 0 })
    return pool
  }

  #leave({ kind, executor }: Lent): void {
    this.#leaving.set(executor, kind)
    void drained(executor)
      .then(() => executor.stop({ graceMs: 0 }))
      .finally(() => {
        this.#leaving.delete(executor)
        this.#stopUnused(kind)
      })
  }

  #stopUnused(kind: ExecutorKind): void {
    const lent = [...this.#lent.values()].map((one) => one.kind)
    if (lent.includes(kind) || [...this.#leaving.values()].includes(kind)) return
    const pool = this.#pools.get(kind)
    this.#pools.delete(kind)
    void pool?.stop({ graceMs: 0 })
  }
}

function settingsOf({ concurrency, executorOptions }: Queue): ExecutorSettings {
  const { maximumJobsPerChild, killAfterMs } = executorOptions
  return {
    ...(concurrency === null ? {} : { concurrency }),
    ...(maximumJobsPerChild === undefined ? {} : { maximumJobsPerChild }),
    ...(killAfterMs === undefined ? {} : { killAfterMs }),
  }
}

/** How often a leaving executor is looked at, in milliseconds. */
const LOOK_MS = 100

async function drained(executor: Executor): Promise<void> {
  while (executor.running > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}
