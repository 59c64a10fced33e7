import {
  type BackoffFunction,
  type BackoffOptions,
  backoffDelayMs,
  parseBackoff,
} from '../../core/backoff.ts'
import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import { RETRIABLE_KINDS, type RetriableFailure, type RetriableKind } from '../../core/settle.ts'
import type { RunningJob } from '../../plugin/hooks/attempt-update.ts'

/** What went wrong: `name`, `message`, `code`, `cause` and so on, and its kind. */
export type RetryError = SerializedError & { readonly kind: RetriableKind }

/** Which failures are meant. What is left out is not compared; of a list, one is enough. */
export interface RetryCondition {
  /** Names of errors, such as `'TypeError'`; those of its causes count too. */
  readonly error?: string | readonly string[]
  /** `'error'` is a throw. */
  readonly kind?: RetriableKind | readonly RetriableKind[]
  readonly queue?: string | readonly string[]
  /** Names of jobs. */
  readonly name?: string | readonly string[]
}

interface Attempts {
  /** How many attempts there are, if that is fewer than the job's own. */
  readonly attempts?: number
}

/** What becomes of such a failure. */
export type RetryAction =
  | 'never'
  | (Attempts & { readonly after: Duration; readonly backoff?: never })
  | (Attempts & { readonly backoff: BackoffOptions | BackoffFunction; readonly after?: never })
  | (Required<Attempts> & { readonly after?: never; readonly backoff?: never })

/** What is done when an attempt failed that fits: the first policy that fits decides. */
export interface RetryPolicy {
  readonly when: RetryCondition | ((error: RetryError, job: RunningJob) => boolean)
  readonly then: RetryAction
}

/** A policy that was checked. */
export interface Policy {
  fits(failure: RetriableFailure, job: RunningJob): boolean
  /** Null: no limit of its own. */
  readonly attempts: number | null
  /** Null: the delay stays as it is. */
  readonly delayMs: ((failure: RetriableFailure, job: RunningJob) => number) | null
}

const MAX_ATTEMPTS = 1_000_000
const MAX_NAME_BYTES = 200
const MAX_NAMES = 1_000

/** @throws {ConfigError} */
export function parsePolicy(value: unknown, what: string): Policy {
  const { when, then } = checkOptions(value ?? {}, ['when', 'then'], what)
  return { fits: testOf(when, `${what}.when`), ...actionOf(then, `${what}.then`) }
}

function testOf(when: unknown, what: string): Policy['fits'] {
  if (typeof when === 'function') {
    return ({ kind, error }, job) => {
      const fits: unknown = when({ ...error, kind }, job)
      if (typeof fits === 'boolean') return fits
      throw new Error(`${what}: expected true or false, got ${inspect(fits)}`)
    }
  }
  if (when === undefined)
    throw new ConfigError(
      `${what}: expected { error, kind, queue, name } or a function, got undefined.`,
    )
  const given = checkOptions(when, ['error', 'kind', 'queue', 'name'], what)
  const names = (key: string): ReadonlySet<string> | null =>
    namesOf(given[key], `${what}.${key}`, (one, at) =>
      checkText(one, { what: at, maxBytes: MAX_NAME_BYTES }),
    )
  const [errors, queues, jobs] = [names('error'), names('queue'), names('name')]
  const kinds = namesOf(given.kind, `${what}.kind`, (one, at) =>
    checkOneOf(one, RETRIABLE_KINDS, at),
  )
  return ({ kind, error }, job) =>
    isIn(kinds, kind) &&
    isIn(queues, job.queue) &&
    isIn(jobs, job.name) &&
    (errors === null || hasName(error, errors))
}

/** Null: all of them. */
function namesOf(
  value: unknown,
  what: string,
  check: (one: unknown, what: string) => string,
): ReadonlySet<string> | null {
  if (value === undefined) return null
  if (!Array.isArray(value)) return new Set([check(value, what)])
  if (value.length === 0 || value.length > MAX_NAMES)
    throw new ConfigError(
      `${what}: expected a text, or 1 to ${MAX_NAMES} of them, got ${inspect(value)}.`,
    )
  return new Set(value.map((one, n) => check(one, `${what}[${n}]`)))
}

function isIn(names: ReadonlySet<string> | null, name: string): boolean {
  return names === null || names.has(name)
}

function hasName(error: SerializedError, names: ReadonlySet<string>): boolean {
  if (names.has(error.name)) return true
  return error.cause !== undefined && hasName(error.cause, names)
}

function actionOf(then: unknown, what: string): Pick<Policy, 'attempts' | 'delayMs'> {
  if (then === 'never') return { attempts: 1, delayMs: null }
  if (typeof then !== 'object' || then === null)
    throw new ConfigError(
      `${what}: expected "never", { after } or { backoff }, with attempts or not, got ${inspect(then)}.`,
    )
  const given = checkOptions(then, ['after', 'backoff', 'attempts'], what)
  const { after, backoff, attempts } = given
  const parts = [after, backoff].filter((one) => one !== undefined).length
  if (parts === 2 || (parts === 0 && attempts === undefined))
    throw new ConfigError(`${what}: expected one of after and backoff, or attempts alone.`)
  const range = { min: 1, max: MAX_ATTEMPTS }
  return {
    attempts: attempts === undefined ? null : checkInteger(attempts, `${what}.attempts`, range),
    delayMs: delayOf(after, backoff, what),
  }
}

function delayOf(after: unknown, backoff: unknown, what: string): Policy['delayMs'] {
  if (after !== undefined) {
    const ms = durationMs(after, `${what}.after`)
    return () => ms
  }
  if (backoff === undefined) return null
  if (typeof backoff === 'function') {
    const given = backoff as BackoffFunction
    return ({ error }, { attempts }) => durationMs(given(attempts, error), `${what}.backoff`)
  }
  const parsed = parseBackoff(backoff, `${what}.backoff`)
  return (_, { attempts }) => backoffDelayMs(parsed, attempts)
}
