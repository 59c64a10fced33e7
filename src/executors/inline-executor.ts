import { mayBegin } from '../core/begin-permit.ts'
import { after } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { AttemptError } from '../core/errors.ts'
import type { Outcome } from '../core/outcome.ts'
import { serializeError } from '../core/serialize-error.ts'
import { showSize } from '../core/size.ts'
import type { Stop } from '../core/stop.ts'
import { runAttempt } from './entry/run-attempt.ts'
import type { Attempt, Executor } from './executor.ts'

/**
 * Runs jobs in the worker's own loop: for short asynchronous work. Nothing can be forced here: the
 * time limit and a cancel reach code that listens to `context.signal`, a slot stays held until the
 * code ends, and a job with a memory limit is refused.
 */
export class InlineExecutor implements Executor {
  readonly defaultConcurrency = 100
  readonly capacity = Number.POSITIVE_INFINITY
  readonly ahead = 0
  readonly #definitions: ReadonlyMap<string, JobDefinition>
  #running = 0

  constructor(definitions: ReadonlyMap<string, JobDefinition>) {
    this.#definitions = definitions
  }

  get running(): number {
    return this.#running
  }

  async start(): Promise<void> {}

  async run(attempt: Attempt, stop: Stop): Promise<Outcome> {
    const definition = this.#definitions.get(attempt.job.name)
    // Only names of this map are claimed, so this is a row that changed under the worker's hands.
    if (definition === undefined || !mayBegin(attempt)) return { kind: 'interrupted' }
    if (attempt.limits.memoryBytes !== undefined) return memoryRefused(attempt)

    this.#running++
    const { timeMs } = attempt.limits
    const callOff = timeMs === undefined ? null : after(timeMs, () => stop.ask('timed-out'))
    try {
      return await runAttempt(definition, attempt, stop)
    } finally {
      this.#running--
      callOff?.()
    }
  }

  /** Everything it takes begins at once. */
  giveBack(): void {}

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
