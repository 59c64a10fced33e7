import { show } from '../core/check.ts'
import type { JobDefinition } from '../core/definition.ts'
import { ConfigError } from '../core/errors.ts'
import type { JobSource } from '../core/job-source.ts'
import type { Logger } from '../core/logger.ts'
import type { ExecutorKind, Queue } from '../core/queue.ts'
import type { Executor, ExecutorSettings } from '../executors/executor.ts'
import { InlineExecutor } from '../executors/inline-executor.ts'
import { placedSource } from '../executors/job-modules.ts'
import { ProcessExecutor } from '../executors/process-executor.ts'
import { ThreadExecutor } from '../executors/thread-executor.ts'

export interface ExecutorsOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  /** What the children of `process` and `thread` load. */
  readonly jobs: readonly JobSource[]
  readonly log: Logger
}

interface Lent {
  readonly kind: ExecutorKind
  readonly executor: Executor
}

/** The executors of one worker: one a queue, since each has children and settings of its own. */
export class Executors {
  readonly #options: ExecutorsOptions
  readonly #lent = new Map<string, Lent>()
  /** Of queues that are gone, or that asked for another kind: until their attempts have ended. */
  readonly #leaving = new Set<Executor>()
  /** Of queues that are not run yet: their children load. */
  readonly #starting = new Set<Executor>()
  #isStopping = false

  constructor(options: ExecutorsOptions) {
    // An executor may be made much later, after a change of the working directory.
    this.#options = { ...options, jobs: options.jobs.map(placedSource) }
  }

  /**
   * The executor of a queue, started, with the settings that the queue has now.
   *
   * @throws {ConfigError} when it cannot run: a job without a module, children that do not start
   */
  async for(queue: Queue): Promise<Executor> {
    const settings = settingsOf(queue)
    const present = this.#lent.get(queue.name)
    if (present?.kind === queue.executor) {
      present.executor.update(settings)
      return present.executor
    }
    const executor = this.#make(queue, settings)
    await this.#start(executor)
    this.#lent.set(queue.name, { kind: queue.executor, executor })
    if (present !== undefined) this.#leave(present.executor)
    return executor
  }

  /** The queue is not run any more. What still runs of it goes on to its end. */
  release(queue: string): void {
    const present = this.#lent.get(queue)
    if (present === undefined) return
    this.#lent.delete(queue)
    this.#leave(present.executor)
  }

  /** Lets go of what is not ready: a module may never finish loading. */
  abandonStarts(): void {
    this.#isStopping = true
    for (const executor of this.#starting) void executor.stop({ graceMs: 0 })
  }

  /** Asks for back what was taken and has not begun. */
  giveBack(): void {
    for (const { executor } of this.#lent.values()) executor.giveBack()
  }

  async stop(graceMs: number): Promise<void> {
    const all = [...[...this.#lent.values()].map(({ executor }) => executor), ...this.#leaving]
    await Promise.all(all.map((executor) => executor.stop({ graceMs })))
  }

  async #start(executor: Executor): Promise<void> {
    if (this.#isStopping) return executor.stop({ graceMs: 0 })
    this.#starting.add(executor)
    await executor.start().finally(() => this.#starting.delete(executor))
  }

  #make(queue: Queue, settings: ExecutorSettings): Executor {
    const { definitions, jobs, log } = this.#options
    if (queue.executor === 'inline') return new InlineExecutor(definitions)
    const options = {
      ...settings,
      jobs,
      log,
      onTrouble: (error: { readonly message: string } | null) => {
        if (error === null) log.info({ queue: queue.name }, 'child processes start again')
        else log.error({ queue: queue.name, err: error }, 'child processes cannot start')
      },
    }
    if (queue.executor === 'process') return new ProcessExecutor(options)
    if (queue.executor === 'thread') return new ThreadExecutor(options)
    // A row of another release, or one written by hand.
    throw new ConfigError(
      `The queue ${show(queue.name)} asks for the executor ${show(queue.executor satisfies never)}, which this release does not have: its jobs wait for a worker that does.`,
    )
  }

  #leave(executor: Executor): void {
    this.#leaving.add(executor)
    void drained(executor)
      .then(() => executor.stop({ graceMs: 0 }))
      .finally(() => this.#leaving.delete(executor))
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
