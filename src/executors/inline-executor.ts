import { type Clock, callAfter, systemClock } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { AttemptError } from '../core/errors.ts'
import { MEMORY_NOT_ENFORCED } from '../core/limit.ts'
import type { Outcome } from '../core/outcome.ts'
import { serializeError } from '../core/serialize-error.ts'
import { showSize } from '../core/size.ts'
import type { StopRequest } from '../core/stop-request.ts'
import { mayBegin } from '../core/stop-request.ts'
import type { AroundChain } from './around.ts'
import type { Attempt, Executor } from './executor.ts'
import { runAttempt } from './run-attempt.ts'

/**
 * Runs jobs in the worker's own loop: for short asynchronous work. Nothing can be forced here: the
 * time limit and a cancel reach code that listens to `context.signal`, a slot stays taken until the
 * code ends, and a job with a memory limit is refused.
 */
export class InlineExecutor implements Executor {
  readonly defaultConcurrency = 100
  readonly capacity = Number.POSITIVE_INFINITY
  readonly ahead = 0
  readonly #definitions: ReadonlyMap<string, JobDefinition>
  /** By it time limits are counted. */
  readonly #limits: Clock
  #running = 0

  readonly #around: AroundChain | null

  readonly #memory: 'refused' | 'ignored'

  /**
   * @param around what plugins put around the functions. Default: nothing.
   * @param memory what becomes of memory limits, which cannot be enforced here. Default: their jobs fail.
   */
  constructor(
    definitions: ReadonlyMap<string, JobDefinition>,
    clock: Clock = systemClock,
    around: AroundChain | null = null,
    memory: 'refused' | 'ignored' = 'refused',
  ) {
    this.#memory = memory
    this.#around = around
    this.#definitions = definitions
    this.#limits = clock.limits ?? clock
  }

  get running(): number {
    return this.#running
  }

  async start(): Promise<void> {}

  async run(attempt: Attempt, stop: StopRequest): Promise<Outcome> {
    const definition = this.#definitions.get(attempt.job.name)
    // Only names of this map are claimed, so the row has changed since.
    if (definition === undefined || !mayBegin(attempt)) return { kind: 'interrupted' }
    if (attempt.limits.memoryBytes !== undefined) {
      if (this.#memory === 'refused') return memoryRefused(attempt)
      const { memoryBytes } = attempt.limits
      attempt.report.log(attempt.job, 'debug', { memoryBytes }, MEMORY_NOT_ENFORCED)
    }

    this.#running++
    const { timeMs } = attempt.limits
    const clear =
      timeMs === undefined ? null : callAfter(this.#limits, timeMs, () => stop.ask('timed-out'))
    try {
      return await runAttempt(definition, attempt, stop, this.#around, this.#limits)
    } finally {
      this.#running--
      clear?.()
    }
  }

  /** Everything it takes begins immediately. */
  returnUnbegun(): void {}

  /** The caller keeps to the concurrency; there is nothing else to set. */
  update(): void {}

  async stop(): Promise<void> {}
}

function memoryRefused({ job, limits }: Attempt): Outcome {
  const error = new AttemptError(
    'LIMIT_NOT_SUPPORTED',
    `The job "${job.name}" has a memory limit of ${showSize(limits.memoryBytes ?? 0)}, which the executor "inline" of the queue "${job.queue}" cannot enforce. Push it to a queue whose executor is "process", or drop the limit.`,
  )
  return { kind: 'limit-not-supported', error: serializeError(error) }
}
