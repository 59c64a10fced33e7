import { type Backoff, DEFAULT_BACKOFF, parseBackoff } from '../backoff.ts'
import { checkInteger, checkOptions, checkText } from '../check.ts'
import { durationMs } from '../duration.ts'
import { MAX_NAME_BYTES } from '../job-name.ts'

/** How a step is tried, in its normal form. */
export interface RetryRule {
  readonly maxAttempts: number
  readonly backoff: Backoff
  readonly timeoutMs: number | null
}

const ONCE: RetryRule = Object.freeze({
  maxAttempts: 1,
  backoff: DEFAULT_BACKOFF,
  timeoutMs: null,
})
const MAX_TRIES = 1_000

/** @throws {ConfigError} */
export function parseStepRetry(value: unknown, what: string): RetryRule {
  if (value === undefined) return ONCE
  const given = checkOptions(value, ['maxAttempts', 'backoff', 'timeout'], what)
  const { maxAttempts = 1, backoff = DEFAULT_BACKOFF, timeout } = given
  const most = { min: 1, max: MAX_TRIES }
  return {
    maxAttempts: checkInteger(maxAttempts, `${what}: maxAttempts`, most),
    backoff:
      backoff === DEFAULT_BACKOFF ? DEFAULT_BACKOFF : parseBackoff(backoff, `${what}: backoff`),
    timeoutMs: timeout === undefined ? null : durationMs(timeout, `${what}: timeout`),
  }
}

/** The name of a step. @throws {ConfigError} */
export function checkStepName(value: unknown, what: string): string {
  return checkText(value, { what: `${what}: the name`, maxBytes: MAX_NAME_BYTES })
}

/** What the wait before a try is recorded as. */
export function retryName(step: string, attempt: number): string {
  return `try ${attempt} of ${step}`
}
