import type { StepKind, StepRecord } from '../durable-record.ts'
import { AttemptError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { serializeError } from '../serialize-error.ts'
import { MAX_STEPS, PATIENCE_MS } from './durable-limits.ts'

/** A call of the context of a durable job, as messages name it. */
export interface NamedCall {
  readonly kind: StepKind
  readonly name: string
}

const WORDS: Readonly<Record<StepKind, string>> = {
  step: 'step',
  transaction: 'transaction',
  sleep: 'sleep',
  signal: 'wait for a signal',
  any: 'wait for any of some signals',
  invoke: 'invoked job',
  'invoke-all': 'list of invoked jobs',
  push: 'push',
  'send-signal': 'signal that is sent',
  version: 'version',
}

/** Such as `the step "charge"`. */
export function described({ kind, name }: NamedCall): string {
  return `the ${WORDS[kind]} "${name}"`
}

const ADVICE =
  'No new step was run. Roll the deploy back, or ask for what was recorded under its name and kind, in the order of the records, and guard a change by ctx.version().'

/** The code asks for something else than the next record. */
export function stepsChanged(
  why: 'ended' | 'stuck',
  next: StepRecord,
  open: readonly NamedCall[],
): Outcome {
  const asked = open.length === 0 ? 'nothing' : open.slice(0, 5).map(described).join(', ')
  const more = open.length > 5 ? ` and ${open.length - 5} more` : ''
  const when =
    why === 'ended'
      ? 'before the function ended'
      : `within ${PATIENCE_MS / 1_000} s without a result`
  return changed(
    `The code of this job does not fit to what it has recorded: record ${next.n}, ${described(next)}, was not asked for ${when}; asked for and open: ${asked}${more}. ${ADVICE}`,
    { recorded: { n: next.n, kind: next.kind, name: next.name }, asked: open.map(described) },
  )
}

/** The same name was recorded as something else. */
export function kindChanged(recorded: StepRecord, asked: NamedCall): Outcome {
  return changed(
    `The code of this job does not fit to what it has recorded: record ${recorded.n} is ${described(recorded)}, and now ${described(asked)} was asked for. ${ADVICE}`,
    { recorded: { n: recorded.n, kind: recorded.kind, name: recorded.name }, asked },
  )
}

function changed(message: string, details: Readonly<Record<string, unknown>>): Outcome {
  const error = new AttemptError('STEPS_CHANGED', message, { details })
  return { kind: 'steps-changed', error: { ...serializeError(error), stack: null } }
}

/** @param places which call of the run each was, from 1 */
export function duplicate(
  first: NamedCall,
  second: NamedCall,
  places: readonly [first: number, second: number],
): AttemptError {
  return new AttemptError(
    'STEP_DUPLICATE',
    `Two calls of this run have the same name: ${described(first)}, call ${places[0]}, and ${described(second)}, call ${places[1]}. Make the names differ, such as by the item that each is about.`,
    { details: { first, second } },
  )
}

export function nested(asked: string, step: string): AttemptError {
  return new AttemptError(
    'STEP_NESTED',
    `${capital(asked)} was asked for inside of the step "${step}". Call the context between the steps, and return from a step what others need.`,
    { details: { step, asked } },
  )
}

export function attemptOver(asked: string): AttemptError {
  return new AttemptError(
    'ATTEMPT_OVER',
    `${capital(asked)} was asked for after the attempt had ended. Await every call of the context before the function returns.`,
    { details: { asked } },
  )
}

/** @param bytes the JSON of the results so far */
export function historyFull(asked: NamedCall, steps: number, bytes: number): Outcome {
  const error = new AttemptError(
    'HISTORY_FULL',
    `The run has recorded ${steps} steps and ${bytes} bytes of results, and ${described(asked)} is more than a run may record (${MAX_STEPS} steps, 16 MiB). Begin the next run in time: return ctx.continueWith(args) when ctx.history says that it is near.`,
    { details: { steps, bytes } },
  )
  return { kind: 'history-full', error: { ...serializeError(error), stack: null } }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
