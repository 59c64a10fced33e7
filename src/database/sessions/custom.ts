import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Session } from '../driver.ts'
import { SESSION } from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

/** Sends a statement in your transaction. Placeholders are `$1 …`; rows are objects by column name. */
export type CustomQuery = (
  text: string,
  values: (string | number | boolean | null)[],
) => Promise<readonly object[]> | readonly object[]

/** What `{ session }` takes for a library that Chancy does not know. */
export interface CustomSession {
  /** @internal */
  readonly [SESSION]: () => Session
}

/**
 * Makes a session of a function that sends one statement in your transaction, for `{ session }`.
 *
 * @param query called once a statement. Values are strings, numbers, booleans and null, and the server finds
 *   their types by itself: send them as text, or untyped. It resolves to the rows, whose columns are text
 *   (string), int4 and float8 (number), and bool (boolean); its errors go to the caller untouched.
 * @throws {ConfigError} when it is not given a function
 */
export function customSession(query: CustomQuery): CustomSession {
  if (typeof query !== 'function')
    throw new ConfigError(
      `customSession: expected a function (text, values) => rows, got ${inspect(query)}.`,
    )
  const session = foreignSession(async (text, values) => query(text, values))
  return { [SESSION]: () => session }
}
