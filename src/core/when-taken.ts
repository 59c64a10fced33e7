import { checkOptions, inspect } from './check.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'

/**
 * What a push does whose unique key is taken: `'keep'` leaves the job that has it as it is, `'replace'` gives it the
 * new arguments, priority and time while it waits. `debounce` does that too, and the job waits that long from the
 * last push, at most `most` from the first. `throttle`: the key is taken for that long after its push, whether the
 * job has finished or not.
 */
export type WhenTaken =
  | 'keep'
  | 'replace'
  | { readonly debounce: Duration; readonly most?: Duration; readonly throttle?: never }
  | { readonly throttle: Duration; readonly debounce?: never; readonly most?: never }

/** The same as it travels with a push, in its extras. Durations in milliseconds. */
export type TakenRule =
  | { readonly replace: true }
  | { readonly debounce_ms: number; readonly most_ms?: number }
  | { readonly throttle_ms: number }

/** Null for `'keep'`. */
export function checkWhenTaken(value: unknown, what: string): TakenRule | null {
  const option = `${what}: whenTaken`
  if (value === 'keep') return null
  if (value === 'replace') return Object.freeze({ replace: true })
  if (typeof value !== 'object' || value === null) throw refused(option, value)
  const given = checkOptions(value, ['debounce', 'most', 'throttle'], option)
  const { debounce, most, throttle } = given
  if (throttle !== undefined) {
    if (debounce !== undefined || most !== undefined) throw refused(option, value)
    return Object.freeze({ throttle_ms: positiveMs(throttle, `${option}.throttle`) })
  }
  if (debounce === undefined) throw refused(option, value)
  const debounceMs = positiveMs(debounce, `${option}.debounce`)
  if (most === undefined) return Object.freeze({ debounce_ms: debounceMs })
  const mostMs = positiveMs(most, `${option}.most`)
  if (mostMs < debounceMs) {
    throw new ConfigError(
      `${option}.most: expected at least the ${debounceMs} ms of debounce, got ${inspect(most)}.`,
    )
  }
  return Object.freeze({ debounce_ms: debounceMs, most_ms: mostMs })
}

function positiveMs(value: unknown, what: string): number {
  const ms = durationMs(value, what)
  if (ms > 0) return ms
  throw new ConfigError(`${what}: expected more than 0 ms, got ${inspect(value)}.`)
}

function refused(option: string, value: unknown): ConfigError {
  return new ConfigError(
    `${option}: expected "keep", "replace", { debounce, most } or { throttle }, got ${inspect(value)}.`,
  )
}
