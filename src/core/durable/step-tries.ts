import { backoffDelayMs } from '../backoff.ts'
import { callAfter } from '../clock.ts'
import type { StepKind, StepResult } from '../durable-record.ts'
import { endingOf } from '../ending.ts'
import { AttemptError, isChancyError } from '../errors.ts'
import { encodeJson, MAX_RESULT_BYTES } from '../json.ts'
import type { Outcome } from '../outcome.ts'
import { serializeError } from '../serialize-error.ts'
import type { StepCall } from './durable-context.ts'
import { SHORT_MS } from './durable-limits.ts'
import type { DurableRun } from './durable-run.ts'
import { type RetryRule, retryName } from './step-retry.ts'

/** A step that runs: what is called, and how often it is tried. */
export interface StepRun {
  readonly kind: StepKind
  readonly name: string
  readonly rule: RetryRule
  /** Made when the step runs: a replay needs none. */
  key(): string
  /** Gives the JSON text of the result; null where it has recorded the step itself. */
  call(call: StepCall): Promise<string | null>
}

/** Keeps what was thrown in a step apart from what was recorded of it, for the outcome of the attempt. */
export type OnFailure = (step: string, thrown: unknown) => void

/** The tries of the steps of one run. */
export class StepTries {
  readonly #run: DurableRun
  readonly #onFailure: OnFailure

  constructor(run: DurableRun, onFailure: OnFailure) {
    this.#run = run
    this.#onFailure = onFailure
  }

  /** Asks for the recorded waits between the tries of a step: they have their turns before its result. */
  replay({ name, rule }: StepRun): number {
    let attempt = 1
    for (let next = 2; next <= Math.max(rule.maxAttempts, attempt + 1); next++) {
      if (!this.#run.hasRecord('sleep', retryName(name, next))) continue
      void this.#run.ask('sleep', retryName(name, next), () => {}).catch(() => {})
      attempt = next
    }
    return attempt
  }

  /** Begins a step at the try that its recorded waits have led to. */
  begin(step: StepRun, attempt: number): void {
    for (let next = step.rule.maxAttempts; next > attempt; next--) {
      const open = this.#run.reached(retryName(step.name, next))
      if (open === undefined) continue
      this.#waitFor(step, next, null)
      return
    }
    void this.#try(step, attempt, this.#run.times.startMs)
  }

  async #try(step: StepRun, attempt: number, startedMs: number): Promise<void> {
    const run = this.#run
    run.work.began()
    try {
      const result = await this.#called(step, attempt)
      if (result !== null) {
        const record = this.#result(step, startedMs, { result, error: null })
        run.done((saver) => saver.record(record))
      }
    } catch (thrown) {
      this.#failed(step, attempt, startedMs, thrown)
    } finally {
      run.work.ended()
    }
  }

  async #called(step: StepRun, attempt: number): Promise<string | null> {
    const run = this.#run
    const { timeoutMs } = step.rule
    const { signal } = run.stop
    const call = { attempt, key: step.key() }
    const running = (given: AbortSignal): Promise<string | null> =>
      run.scope.enter(step.name, async () => step.call({ ...call, signal: given }))
    if (timeoutMs === null) return running(signal)
    const controller = new AbortController()
    let clear = (): void => {}
    const passed = new Promise<never>((_, reject) => {
      clear = callAfter(run.times.clock, timeoutMs, () => {
        const error = new Error(
          `The step "${step.name}" ran longer than its timeout of ${timeoutMs} ms.`,
        )
        error.name = 'TimeoutError'
        controller.abort(error)
        reject(error)
      })
    })
    try {
      return await Promise.race([running(AbortSignal.any([signal, controller.signal])), passed])
    } finally {
      clear()
    }
  }

  #failed(step: StepRun, attempt: number, startedMs: number, thrown: unknown): void {
    const run = this.#run
    const outcome = finalOutcome(thrown)
    if (outcome !== null) {
      run.end(outcome)
      return
    }
    // It failed because it was asked to stop: the next attempt tries it again.
    if (run.stop.reason !== null) return
    const ending = endingOf(thrown)
    if (attempt < step.rule.maxAttempts) {
      const { backoff } = step.rule
      const delayMs = ending?.kind === 'retry' ? ending.delayMs : backoffDelayMs(backoff, attempt)
      if (delayMs >= SHORT_MS) this.#waitFor(step, attempt + 1, delayMs)
      else run.work.later(delayMs, () => void this.#try(step, attempt + 1, startedMs))
      return
    }
    if (isChancyError(thrown) && thrown.code === 'NOT_SAME_DATABASE') {
      run.refuse(step.name, thrown)
      return
    }
    this.#onFailure(step.name, thrown)
    const error = serializeError(thrown)
    run.fail(this.#result(step, startedMs, { result: null, error }))
  }

  /** Without a slot. @param afterMs null: it was reached in an earlier attempt */
  #waitFor(step: StepRun, attempt: number, afterMs: number | null): void {
    const run = this.#run
    const name = retryName(step.name, attempt)
    const startedMs = run.times.startMs
    const open = (): void =>
      run.wait(
        run.reached(name) ?? {
          ...{ kind: 'sleep', name, untilMs: null, afterMs, startedMs },
          ...{ signals: [], children: null },
        },
      )
    run.ask('sleep', name, open).then(
      () => this.#try(step, attempt, run.times.startMs),
      // A step of the user has this name.
      (thrown) => run.end({ kind: 'threw', error: serializeError(thrown) }),
    )
  }

  #result(
    { kind, name }: StepRun,
    startedMs: number,
    ended: Pick<StepResult, 'result' | 'error'>,
  ): StepResult {
    return { kind, name, startedMs, endedMs: this.#run.times.databaseMs, ...ended }
  }
}

/** JSON text of what a step gave. @throws {AttemptError} RESULT_NOT_SERIALIZABLE */
export function encodeResult(step: string, value: unknown): string {
  return encodeJson(value, {
    what: 'result',
    maxBytes: MAX_RESULT_BYTES,
    error: (message, details) =>
      new AttemptError('RESULT_NOT_SERIALIZABLE', `The step "${step}": ${message}`, { details }),
  })
}

/** What ends the attempt from within a step, whatever the function would do. */
function finalOutcome(thrown: unknown): Outcome | null {
  const ending = endingOf(thrown)
  const error = serializeError(thrown)
  if (ending?.kind === 'discard') return { kind: 'discarded', error }
  if (ending?.kind === 'crash') return { kind: 'child-lost', error }
  if (ending?.kind === 'snooze') return { kind: 'snoozed', delayMs: ending.delayMs }
  const isUnstorable = isChancyError(thrown) && thrown.code === 'RESULT_NOT_SERIALIZABLE'
  return isUnstorable ? { kind: 'not-storable', error } : null
}
