import { didYouMean, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { EVENT_NAMES } from './event-map.ts'

/**
 * Checks what is given to `on`.
 *
 * @param ofPlugins the names of the events that plugins have
 * @throws {ConfigError} for an event that there is not, or what is no function
 */
export function checkListener(
  event: unknown,
  listener: unknown,
  ofPlugins: readonly string[],
): void {
  const known = [...EVENT_NAMES, ...ofPlugins] as readonly string[]
  if (!known.includes(event as string)) {
    const hint = didYouMean(String(event), known)
    throw new ConfigError(`on: there is no event ${inspect(event)}.${hint}`)
  }
  if (typeof listener !== 'function') {
    throw new ConfigError(`on: expected a function that listens, got ${inspect(listener)}.`)
  }
}
