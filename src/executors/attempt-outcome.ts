import { endingOf } from '../core/ending.ts'
import { AttemptError } from '../core/errors.ts'
import { encodeJson, MAX_RESULT_BYTES } from '../core/json.ts'
import type { Outcome } from '../core/outcome.ts'
import { serializeError } from '../core/serialize-error.ts'
import type { StopRequest } from '../core/stop-request.ts'
import type { Attempt } from './executor.ts'

/** What a stop makes of an attempt, or null when its own end counts. */
export function stoppedOutcome(
  attempt: Pick<Attempt, 'limits'>,
  stop: Pick<StopRequest, 'reason'>,
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
      // Work that finished in spite of it counts as finished.
      return isReturn ? null : { kind: 'interrupted' }
    default:
      return stop.reason satisfies never
  }
}

/** What a returned value makes of an attempt. */
export function returnedOutcome(value: unknown): Outcome {
  if (value === undefined) return { kind: 'returned', result: null }
  try {
    return { kind: 'returned', result: encodeJson(value, RESULT_RULE) }
  } catch (error) {
    return { kind: 'not-storable', error: serializeError(error) }
  }
}

export const RESULT_RULE = {
  what: 'result',
  maxBytes: MAX_RESULT_BYTES,
  error: (message: string, details: Readonly<Record<string, unknown>>) =>
    new AttemptError('RESULT_NOT_SERIALIZABLE', message, { details }),
}

/** What a thrown value makes of an attempt. */
export function thrownOutcome(thrown: unknown): Outcome {
  const ending = endingOf(thrown)
  switch (ending?.kind) {
    case undefined:
    case 'fail':
      return { kind: 'threw', error: serializeError(thrown) }
    case 'discard':
      return { kind: 'discarded', error: serializeError(thrown) }
    case 'snooze':
      return { kind: 'snoozed', delayMs: ending.delayMs }
    case 'retry':
      return { kind: 'retry-asked', delayMs: ending.delayMs, error: serializeError(thrown) }
    case 'crash':
      return { kind: 'child-lost', error: serializeError(thrown) }
    default:
      return ending satisfies never
  }
}
