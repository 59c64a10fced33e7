import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { isId } from './reference.ts'

/** A push looks this far back for itself, and history is never younger when it is removed. */
const MAX_AGE_MS = 600_000
/** The clocks of a producer and of what made the id may differ. */
const MAX_AHEAD_MS = 60_000

/**
 * The id under which a job is pushed once, however often that is tried: a UUID of version 7 of the last ten minutes.
 *
 * @throws {ConfigError} for another one
 */
export function checkGivenId(given: unknown, now: number): string {
  const what = 'push: id: expected a UUID of version 7 of the last ten minutes'
  if (!isId(given) || given[14] !== '7') throw new ConfigError(`${what}, got ${inspect(given)}.`)
  const id = given.toLowerCase()
  const ageMs = now - Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  if (ageMs <= MAX_AGE_MS && ageMs >= -MAX_AHEAD_MS) return id
  const when = ageMs > 0 ? `${Math.round(ageMs / 1_000)} s old` : 'of the future'
  throw new ConfigError(
    `${what}, got ${id}, which is ${when}: what has ended before is not looked for.`,
  )
}
