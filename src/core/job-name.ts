import { checkText, inspect } from './check.ts'
import { ConfigError } from './errors.ts'

/** Longest name of a job or a queue. */
export const MAX_NAME_BYTES = 200
/** Longest unique key or group key. */
export const MAX_KEY_BYTES = 1_000

/** Checks the name of a job: 1 to 200 bytes, no `:`, which ends the name in a group key. */
export function checkJobName(value: unknown, what: string): string {
  const name = checkText(value, { what, maxBytes: MAX_NAME_BYTES })
  if (!name.includes(':')) return name
  throw new ConfigError(`${what}: expected a name without ":", got ${inspect(name)}.`)
}

/** Checks the name of a queue: 1 to 200 bytes. */
export function checkQueueName(value: unknown, what: string): string {
  return checkText(value, { what, maxBytes: MAX_NAME_BYTES })
}
