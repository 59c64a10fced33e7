import { inspect } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { ConfigError } from '../core/errors.ts'
import type { JobSource } from '../core/job-source.ts'
import type { Logger } from '../core/logger.ts'
import type { ExecutorKind, Queue } from '../core/queue.ts'
import type { AroundChain, AroundSource } from '../executors/around.ts'
import type { ChildEnv } from '../executors/child.ts'
import type { Executor, ExecutorSettings } from '../executors/executor.ts'
import { InlineExecutor } from '../executors/inline-executor.ts'
import { placedSource } from '../executors/job-modules.ts'
import { launchProcess } from '../executors/launch/process-child.ts'
import { launchThread } from '../executors/launch/thread-child.ts'
import { ChildPool } from '../executors/pool/child-pool.ts'

export interface ExecutorsOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  /** What the children of `process` and `thread` load. */
  readonly jobs: readonly JobSource[]
  readonly clock: Clock
  /** What plugins put around the functions: for the children to load, and as it is loaded here. */
  readonly around: { readonly sources: readonly AroundSource[]; readonly chain: AroundChain | null }
  readonly log: Logger
  /** The children of a pool cannot be started, or can again. */
  readonly onTrouble: () => void
  /** The environment of children. Null: that of this process. */
  readonly childEnv: ChildEnv | null
  /** Runs every queue, whatever it declares. Null: what each declares. */
  readonly executor: ExecutorKind | null
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
    const kind = this.#options.executor ?? queue.executor
    if (present?.kind === kind) {
      present.executor.update(settings)
      return present.executor
    }
    const executor = this.#make(queue.name, kind, settings)
    this.#lent.set(queue.name, { kind, executor })
    if (present !== undefined) this.#leave(present)
    return executor
  }

  /** Why the executor of a queue can run nothing now, or null. */
  troubleOf(queue: string): string | null {
    const kind = this.#lent.get(queue)?.kind
    return kind === undefined ? null : (this.#pools.get(kind)?.trouble ?? null)
  }

  /** The queue is not run any more. What still runs of it continues to its end. */
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

  /** Returns what was taken and has not begun. */
  returnUnbegun(): void {
    for (const { executor } of this.#lent.values()) executor.returnUnbegun()
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop({ graceMs })))
  }

  #make(queue: string, kind: ExecutorKind, settings: ExecutorSettings): Executor {
    const { definitions, clock, around } = this.#options
    // Where all queues run inline, their jobs cannot be refused for limits that other executors enforce.
    const memory = this.#options.executor === 'inline' ? 'ignored' : 'refused'
    if (kind === 'inline') return new InlineExecutor(definitions, clock, around.chain, memory)
    if (kind === 'process' || kind === 'thread') return this.#pool(kind).open(settings)
    // A row of another release, or one written by hand.
    throw new ConfigError(
      `The queue ${inspect(queue)} asks for the executor ${inspect(kind satisfies never)}, which this release does not have: its jobs wait for a worker that does.`,
    )
  }

  #pool(kind: 'process' | 'thread'): ChildPool {
    const present = this.#pools.get(kind)
    if (present !== undefined) return present
    const { jobs, clock, log, childEnv, onTrouble, around } = this.#options
    const pool = new ChildPool(kind, kind === 'process' ? launchProcess : launchThread, {
      jobs,
      around: around.sources,
      clock,
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
    void drained(executor, this.#options.clock)
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

async function drained(executor: Executor, clock: Clock): Promise<void> {
  while (executor.running > 0) await clock.sleep(LOOK_MS)
}
