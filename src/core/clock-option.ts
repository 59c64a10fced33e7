import { inspect } from './check.ts'
import { type Clock, systemClock } from './clock.ts'
import { ConfigError } from './errors.ts'

/** Checks that a value is a clock; none is the system's. */
export function checkClock(value: unknown, what: string): Clock {
  if (value === undefined) return systemClock
  const clock = value as Partial<Clock> | null
  const methods = ['now', 'monotonic', 'sleep'] as const
  if (methods.every((name) => typeof clock?.[name] === 'function')) return clock as Clock
  throw new ConfigError(
    `${what}: expected an object with now(), monotonic() and sleep(ms, signal), got ${inspect(value)}. Leave it out to use the time of the system.`,
  )
}
