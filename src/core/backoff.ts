import { checkOptions, inspect } from './check.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import type { SerializedError } from './serialize-error.ts'

/** How long a failed job waits before its next attempt. */
export type BackoffOptions =
  | 'none'
  | {
      /** Wait after the first failed attempt. Default: `'1s'`. */
      readonly base?: Duration
      /** Each wait is this many times the one before, at least 1. Default: 2. */
      readonly factor?: number
      /** Longest wait. Default: `'5m'`, or `base` when that is longer. */
      readonly max?: Duration
      /** Up to this part of a wait is taken off at random, 0 to 1. Default: 0.2. */
      readonly jitter?: number
    }

/** The wait as a function. It runs on the worker, so it stands only in the options of `job()`. */
export type BackoffFunction = (attempt: number, error: SerializedError) => Duration

/** The normal form, as a row keeps it. `'none'` retries immediately. */
export type Backoff =
  | 'none'
  | {
      readonly baseMs: number
      readonly factor: number
      readonly maxMs: number
      readonly jitter: number
    }

export const DEFAULT_BACKOFF: Exclude<Backoff, 'none'> = Object.freeze({
  baseMs: 1_000,
  factor: 2,
  maxMs: 300_000,
  jitter: 0.2,
})

/**
 * The normal form of a backoff, with defaults for what is left out.
 *
 * @throws {ConfigError}
 */
export function parseBackoff(value: unknown, what: string): Backoff {
  if (value === 'none') return 'none'
  if (typeof value !== 'object' || value === null) {
    throw new ConfigError(
      `${what}: expected "none" or { base, factor, max, jitter }, got ${inspect(value)}.`,
    )
  }
  const given = checkOptions(value, ['base', 'factor', 'max', 'jitter'], what)
  const baseMs = durationMs(given.base ?? DEFAULT_BACKOFF.baseMs, `${what}.base`)
  const maxMs = durationMs(given.max ?? Math.max(baseMs, DEFAULT_BACKOFF.maxMs), `${what}.max`)
  if (maxMs < baseMs) {
    throw new ConfigError(
      `${what}: expected max to be at least base, got base ${inspect(given.base)} and max ${inspect(given.max)}.`,
    )
  }
  const factor = checkNumber(given.factor ?? DEFAULT_BACKOFF.factor, `${what}.factor`, 1, 1_000)
  const jitter = checkNumber(given.jitter ?? DEFAULT_BACKOFF.jitter, `${what}.jitter`, 0, 1)
  return Object.freeze({ baseMs, factor, maxMs, jitter })
}

function checkNumber(value: unknown, what: string, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new ConfigError(`${what}: expected a number from ${min} to ${max}, got ${inspect(value)}.`)
}

/**
 * The wait after a failed attempt, in whole milliseconds. The first attempt is 1. Jitter only
 * shortens, so `max` is never exceeded and jobs that wait that long do not come back together.
 */
export function backoffDelayMs(
  backoff: Backoff,
  attempt: number,
  random: () => number = Math.random,
): number {
  if (backoff === 'none' || backoff.baseMs === 0) return 0
  const grown = backoff.baseMs * backoff.factor ** (Math.max(1, attempt) - 1)
  return Math.round(Math.min(grown, backoff.maxMs) * (1 - backoff.jitter * random()))
}
