import { inspect } from '../core/check.ts'
import { queuedJobOf } from '../core/claimed-job.ts'
import type { Context, ContextLog, LogMethod } from '../core/context.ts'
import { encodeJson, MAX_PROGRESS_BYTES } from '../core/json.ts'
import type { LogLevel } from '../core/logger.ts'
import { serializeError } from '../core/serialize-error.ts'
import type { StopRequest } from '../core/stop-request.ts'
import { WorkflowReference } from '../core/workflow-reference.ts'
import type { AroundFailure } from './around.ts'
import { RESULT_RULE } from './attempt-outcome.ts'
import type { Attempt } from './executor.ts'
import { readOutputs } from './outputs.ts'

/** What most jobs never use is made at first use. */
export class AttemptContext implements Context {
  readonly #attempt: Attempt
  readonly #stop: StopRequest
  #job: Context['job'] | null = null
  #log: ContextLog | null = null

  constructor(attempt: Attempt, stop: StopRequest) {
    this.#attempt = attempt
    this.#stop = stop
  }

  get job(): Context['job'] {
    this.#job ??= queuedJobOf(this.#attempt.job)
    return this.#job
  }

  get attempt(): number {
    return this.#attempt.job.attempts
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  get fence(): number {
    return this.#attempt.job.fence
  }

  get batch(): Context['batch'] {
    const { owner_id: owner, owner_step: step } = this.#attempt.job.extras
    return owner === undefined || typeof step === 'number' ? null : new WorkflowReference(owner)
  }

  get log(): ContextLog {
    this.#log ??= contextLog(this.#attempt)
    return this.#log
  }

  get outputs(): Context['outputs'] {
    return (step) => readOutputs(this.#attempt, step)
  }

  // A bound function, so that a job may take `{ progress }` out of its context.
  readonly progress = (value: unknown): void => {
    this.#attempt.report.progress(this.#attempt.job, progressText(value))
  }
}

/** Progress is never refused: where it cannot be stored, the reason is stored. */
function progressText(value: unknown): string {
  try {
    const rule = { ...RESULT_RULE, what: 'progress', maxBytes: MAX_PROGRESS_BYTES }
    return value === undefined ? 'null' : encodeJson(value, rule)
  } catch (error) {
    return JSON.stringify({ unstorable: serializeError(error).message })
  }
}

function contextLog({ job, report }: Attempt): ContextLog {
  const method = (level: LogLevel): LogMethod => {
    // In JavaScript a job may pass anything, and must not fail by it.
    return (first: unknown, second?: unknown) => {
      const hasFields = typeof first === 'object' && first !== null
      const given = hasFields ? second : first
      const message = given === undefined || typeof given === 'string' ? given : textOf(given)
      report.log(job, level, hasFields ? first : {}, message)
    }
  }
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  }
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return inspect(value)
  }
}

/** Logs what a plugin does wrong around the function of a job. */
export function failureLog({ job, report }: Attempt): AroundFailure {
  return (plugin, err) =>
    report.log(job, 'error', { plugin, hook: 'around', err }, 'plugin hook failed')
}
