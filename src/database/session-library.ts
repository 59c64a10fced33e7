import { ConfigError } from '../core/errors.ts'
import type { Session } from './driver.ts'

/**
 * A client library or an ORM whose transaction a caller hands over as `session`. It is known by its shape:
 * nothing of theirs is imported, so that neither their version nor a second copy of them matters.
 *
 * - `knows` says whether it is an object of this library, a transaction or what is taken for one by mistake.
 * - `refusal` says why it cannot be used; undefined for a transaction that is open, as far as it can be seen.
 *   Without it the statements of a root object would run outside of the transaction, without an error.
 * - `session` is called for what is not refused. Its errors are those of the library, and nothing is prepared.
 */
export interface SessionLibrary {
  knows(given: Shape): boolean
  refusal(given: Shape): Refusal | undefined
  session(given: Shape): Session
}

/** An object whose properties are unknown until they have been checked. */
export type Shape = Readonly<Record<PropertyKey, unknown>>

/** Completes "The option "session" was given …", and says what to give instead. */
export interface Refusal {
  readonly found: string
  readonly advice: string
}

/** An object that brings its own `Session` under this symbol is asked for it. */
export const SESSION: unique symbol = Symbol.for('chancy.session') as never

export function isShape(value: unknown): value is Shape {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

// A shape's methods are called through the object that they were found on.
export function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}

export function refused({ found, advice }: Refusal, cause?: unknown): ConfigError {
  const message = `The option "session" was given ${found}. ${advice}`
  return new ConfigError(message, cause === undefined ? {} : { cause })
}
