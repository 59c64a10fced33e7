/**
 * Ways for a job function to end its attempt other than by returning or failing. They are thrown,
 * and known by a brand, so that another copy of the package is understood too.
 */

import { brandClass } from './brand.ts'
import { inspect } from './check.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'

const BRAND = Symbol.for('chancy.ending')

/** How a job function asked its attempt to end. */
export type Ending =
  | { readonly kind: 'discard'; readonly reason: string }
  | { readonly kind: 'snooze'; readonly delayMs: number }
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** An error that a test asks for in the place of the function. */
  | { readonly kind: 'fail' }
  /** As if the process that ran it had died, which a test asks for. */
  | { readonly kind: 'crash' }

/** What was asked for by throwing, or null when something else was thrown. Never throws. */
export function endingOf(thrown: unknown): Ending | null {
  if (typeof thrown !== 'object' || thrown === null) return null
  try {
    return (thrown as { readonly [BRAND]?: Ending })[BRAND] ?? null
  } catch {
    return null
  }
}

abstract class AttemptEnding extends Error {
  constructor(message: string, ending: Ending, options?: { readonly cause?: unknown }) {
    super(message, options)
    Object.defineProperty(this, BRAND, { value: Object.freeze(ending) })
  }
}

/**
 * Thrown in a job: it fails now, with no further attempt.
 *
 * @param reason Is stored as the message of the failure.
 * @param options.cause What led to it; stored in the stack of the failure.
 */
export class DiscardJob extends AttemptEnding {
  constructor(reason: string, options?: { readonly cause?: unknown }) {
    if (typeof reason !== 'string') {
      throw new ConfigError(`DiscardJob: expected a reason in words, got ${inspect(reason)}.`)
    }
    super(reason, { kind: 'discard', reason }, options)
  }
}

/**
 * Thrown in a job: back to waiting for this long, and no attempt is used.
 *
 * @param duration In milliseconds or like `'5m'`.
 */
export class SnoozeJob extends AttemptEnding {
  constructor(duration: Duration) {
    const delayMs = durationMs(duration, 'SnoozeJob')
    super(`Snoozed for ${delayMs} ms`, { kind: 'snooze', delayMs })
  }
}

/**
 * Thrown in a job: a failed attempt like any other, but the next one comes after this delay instead
 * of the backoff.
 *
 * @param duration In milliseconds or like `'5m'`.
 * @param options.cause What went wrong; its message and its stack are stored with the failure.
 */
export class RetryJob extends AttemptEnding {
  constructor(duration: Duration, options?: { readonly cause?: unknown }) {
    const delayMs = durationMs(duration, 'RetryJob')
    super(`Retry asked for in ${delayMs} ms`, { kind: 'retry', delayMs }, options)
  }
}

for (const [name, made] of Object.entries({ DiscardJob, SnoozeJob, RetryJob })) {
  brandClass(made, name)
  Object.defineProperty(made.prototype, 'name', { value: name, configurable: true, writable: true })
}
