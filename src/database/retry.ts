import type { Clock } from '../core/clock.ts'
import { DatabaseError } from '../core/errors.ts'
import { nextDelayMs } from '../core/retry-delay.ts'
import { classify, sqlStateOf, type Verdict } from './sql-state.ts'

export { classify, isConnectionLoss } from './sql-state.ts'

export interface Retry {
  /** Which try failed, from 1. */
  readonly attempt: number
  readonly verdict: Verdict
  readonly error: unknown
  /** How long until the next try. */
  readonly delayMs: number
}

export interface RetryOptions {
  readonly clock: Clock
  /** Ends the wait: the last error is thrown. */
  readonly signal?: AbortSignal | undefined
  /** How long to retry from the first try, in milliseconds. `Infinity`: until the signal. */
  readonly deadlineMs: number
  /** Whether doing the work twice is harmless. Default: false, an ambiguous error ends it. */
  readonly idempotent?: boolean | undefined
  /** Whether the work changes nothing: then its last error says what happened. Default: false. */
  readonly reads?: boolean | undefined
  /** Whether a try before the first one may have been committed. Default: false. */
  readonly isInDoubt?: boolean | undefined
  readonly onRetry?: ((retry: Retry) => void) | undefined
}

/**
 * Does `work`, again and again while its errors are of a kind that passes.
 *
 * What never passes is thrown as it came. When the tries are over and one of them may have been
 * committed, the error is `OUTCOME_UNKNOWN`, also if the last one surely was not.
 *
 * @throws {DatabaseError} `OUTCOME_UNKNOWN`; otherwise the error of the last try, untouched
 */
export async function retrying<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { clock, signal, deadlineMs, reads = false, idempotent = reads, onRetry } = options
  const endsAt = clock.monotonic() + deadlineMs
  let isInDoubt = options.isInDoubt ?? false
  let delayMs = 0
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      const verdict = classify(error)
      if (verdict === 'caller') throw error
      if (verdict === 'ambiguous' && !reads) isInDoubt = true
      delayMs = nextDelayMs(delayMs)
      const leftMs = endsAt - clock.monotonic()
      if (signal?.aborted || delayMs > leftMs || (isInDoubt && !idempotent))
        throw isInDoubt ? outcomeUnknown(error, attempt) : error
      onRetry?.({ attempt, verdict, error, delayMs })
      await clock.sleep(delayMs, signal)
      if (signal?.aborted) throw isInDoubt ? outcomeUnknown(error, attempt) : error
    }
  }
}

function outcomeUnknown(cause: unknown, attempts: number): DatabaseError {
  return new DatabaseError(
    'The connection was lost before the database confirmed the statement: it may have been ' +
      'committed or not. Look before doing it again',
    { code: 'OUTCOME_UNKNOWN', details: { attempts, sqlState: sqlStateOf(cause) ?? null }, cause },
  )
}
