import { checkOptions, checkText, inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { MAX_NAME_BYTES } from './job-name.ts'
import { type EncodeRule, encodeJson, MAX_ARGS_BYTES } from './json.ts'
import {
  checkSchema,
  type InferInput,
  type StandardSchemaV1,
  validateInput,
} from './standard-schema.ts'

declare const VALUE: unique symbol

/** Where a `Signal` keeps its schema, or null; the same symbol in every copy of the package. */
const SCHEMA: unique symbol = Symbol.for('chancy.signal') as never

/**
 * A name under which a value is sent to a durable job, with the type of that value. Made by `signal()`, in a module that
 * the job and those who send it import.
 */
export interface Signal<T, N extends string = string> {
  readonly name: N
  /** For the compiler only: both ways, so that nothing but the same type will do. */
  readonly [VALUE]?: (value: T) => T
}

/** Any signal, whatever its value. */
// biome-ignore lint/suspicious/noExplicitAny: a signal is invariant in its value, so no other type takes all
export type AnySignal = Signal<any, string>

/** The value that a signal carries. */
export type ValueOf<S> = S extends Signal<infer T, string> ? T : never

/**
 * Declares a signal: `signal<{ by: string }, 'approved'>('approved')`, or with a schema
 * `signal('approved', { schema })`.
 *
 * @param name 1 to 200 bytes. Two signals of one name are the same signal.
 * @param options.schema Any Standard Schema. It checks what is sent, where it is sent. Default: none.
 * @throws {ConfigError} when an option is wrong
 */
export function signal<const N extends string, S extends StandardSchemaV1>(
  name: N,
  options: { readonly schema: S },
): Signal<InferInput<S>, N>
export function signal<T = null, const N extends string = string>(name: N): Signal<T, N>
export function signal(name: unknown, options?: unknown): unknown {
  const what = 'signal()'
  const checked = checkText(name, { what: `${what}: the name`, maxBytes: MAX_NAME_BYTES })
  const given = checkOptions(options, ['schema'], `Signal "${checked}"`)
  const schema =
    given.schema === undefined ? null : checkSchema(given.schema, `Signal "${checked}": schema`)
  const made = { name: checked }
  Object.defineProperty(made, SCHEMA, { value: schema })
  return Object.freeze(made)
}

/** Says whether a value was made by `signal()`, also by that of another copy of the package. */
export function isSignal(value: unknown): value is AnySignal {
  return typeof value === 'object' && value !== null && SCHEMA in value
}

/** The value, when it was made by `signal()`. @throws {ConfigError} */
export function checkSignal(value: unknown, what: string): AnySignal {
  if (isSignal(value)) return value
  const hint = typeof value === 'string' ? ` Declare it: signal(${inspect(value)}).` : ''
  throw new ConfigError(
    `${what}: expected a signal, as signal() makes it, got ${inspect(value)}.${hint}`,
  )
}

/**
 * JSON text of what is sent. A promise only where the schema of the signal validates asynchronously.
 *
 * @throws {ConfigError} when the value cannot be stored, or does not fit the schema
 */
export function encodeSignal(given: AnySignal, value: unknown): string | Promise<string> {
  const what = `The value of the signal "${given.name}"`
  const rule: EncodeRule = {
    what: 'value',
    maxBytes: MAX_ARGS_BYTES,
    error: (message, details) => new ConfigError(`${what}: ${message}`, { details }),
  }
  const text = encodeJson(value, rule)
  const schema = (given as unknown as Record<typeof SCHEMA, StandardSchemaV1 | null>)[SCHEMA]
  if (schema === null) return text
  const checked = validateInput(schema, value, what)
  return checked instanceof Promise ? checked.then(() => text) : text
}
