import { show } from '../../core/check.ts'
import { queuedJobOf } from '../../core/claimed-job.ts'
import type { Context, ContextLog, LogMethod } from '../../core/context.ts'
import type { JobDefinition } from '../../core/definition.ts'
import { endingOf } from '../../core/ending.ts'
import { AttemptError } from '../../core/errors.ts'
import { decodeJson, encodeJson, MAX_PROGRESS_BYTES, MAX_RESULT_BYTES } from '../../core/json.ts'
import type { LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { serializeError } from '../../core/serialize-error.ts'
import { validateInput } from '../../core/standard-schema.ts'
import type { Stop } from '../../core/stop.ts'
import type { Attempt } from '../executor.ts'

/**
 * Calls the function of a job and says how it ended. This is the innermost part of every executor;
 * the thread and process ones run it in their children.
 */
export async function runAttempt(
  definition: JobDefinition,
  attempt: Attempt,
  stop: Stop,
): Promise<Outcome> {
  try {
    const args = decodeJson(attempt.job.args)
    const input =
      definition.schema === null ? args : await validateInput(definition.schema, args, 'args')
    const returned = definition.fn(input, new AttemptContext(attempt, stop))
    const value = isThenable(returned) ? await returned : returned
    return stoppedOutcome(attempt, stop, true) ?? returnedOutcome(value)
  } catch (thrown) {
    return stoppedOutcome(attempt, stop, false) ?? thrownOutcome(thrown)
  }
}

/** What a stop makes of an attempt, or null when its own end counts. */
export function stoppedOutcome(
  attempt: Pick<Attempt, 'limits'>,
  stop: Pick<Stop, 'reason'>,
  isReturn: boolean,
): Outcome | null {
  switch (stop.reason) {
    case null:
      return null
    case 'cancelled':
      return { kind: 'cancelled' }
    case 'timed-out':
      return { kind: 'timed-out', limitMs: attempt.limits.timeMs ?? 0 }
    case 'over-memory':
      return { kind: 'over-memory', limitBytes: attempt.limits.memoryBytes ?? 0 }
    case 'interrupted':
    case 'lost':
      // Work that was finished all the same counts as finished.
      return isReturn ? null : { kind: 'interrupted' }
    default:
      return stop.reason satisfies never
  }
}

function returnedOutcome(value: unknown): Outcome {
  if (value === undefined) return { kind: 'returned', result: null }
  try {
    return { kind: 'returned', result: encodeJson(value, RESULT_RULE) }
  } catch (error) {
    return { kind: 'not-storable', error: serializeError(error) }
  }
}

const RESULT_RULE = {
  what: 'result',
  maxBytes: MAX_RESULT_BYTES,
  error: (message: string, details: Readonly<Record<string, unknown>>) =>
    new AttemptError('RESULT_NOT_SERIALIZABLE', message, { details }),
}

function thrownOutcome(thrown: unknown): Outcome {
  const ending = endingOf(thrown)
  switch (ending?.kind) {
    case undefined:
      return { kind: 'threw', error: serializeError(thrown) }
    case 'discard':
      return { kind: 'discarded', error: serializeError(thrown) }
    case 'snooze':
      return { kind: 'snoozed', delayMs: ending.delayMs }
    case 'retry':
      return { kind: 'retry-asked', delayMs: ending.delayMs, error: serializeError(thrown) }
    default:
      return ending satisfies never
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

/** What most jobs never look at is made when they do. */
class AttemptContext implements Context {
  readonly #attempt: Attempt
  readonly #stop: Stop
  #job: Context['job'] | null = null
  #log: ContextLog | null = null

  constructor(attempt: Attempt, stop: Stop) {
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

  get log(): ContextLog {
    this.#log ??= contextLog(this.#attempt)
    return this.#log
  }

  // A bound function, so that a job may take `{ progress }` out of its context.
  readonly progress = (value: unknown): void => {
    this.#attempt.report.progress(this.#attempt.job, progressText(value))
  }
}

/** Progress is never refused: what cannot be stored is said instead of it. */
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
    // In JavaScript a job may hand over anything, and must not fail by it.
    return (first: unknown, second?: unknown) => {
      const hasFields = typeof first === 'object' && first !== null
      const said = hasFields ? second : first
      const message = said === undefined || typeof said === 'string' ? said : textOf(said)
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
    return show(value)
  }
}
