/**
 * Whatever was thrown, as data that can be stored and sent to another thread. Code that throws can
 * throw anything: null, a getter that throws itself, a chain of causes that bites its tail. Nothing
 * here may fail because of it, or a failed attempt could not be saved.
 */

import { inspect } from './check.ts'
import { storableText } from './storable-text.ts'

export type ErrorFields = Readonly<Record<string, string | number | boolean>>

export interface SerializedError {
  readonly name: string
  readonly message: string
  /** Null when what was thrown had none. */
  readonly stack: string | null
  /** Such as `ECONNREFUSED`. */
  readonly code?: string
  /** Its other fields that are texts, numbers or booleans, such as the `detail` of PostgreSQL. */
  readonly fields?: ErrorFields
  readonly cause?: SerializedError
  /** The first errors of an `AggregateError`. */
  readonly errors?: readonly SerializedError[]
}

const MAX_NAME_BYTES = 200
export const MAX_MESSAGE_BYTES = 8_192
export const MAX_STACK_BYTES = 8_192
/** Causes below this are left out; a cycle ends here too. */
const MAX_CAUSES = 4
const MAX_ERRORS = 8
/** What is kept of the message and of the stack of an error in an aggregate. */
const MAX_PART_BYTES = 1_024
const MAX_FIELDS = 20
const MAX_FIELD_BYTES = 200
/** Frames of each error where all of them do not fit. */
const MAX_FRAMES = 3

const OWN_PLACE = new Set(['name', 'message', 'stack', 'code', 'cause', 'errors'])
/** What such a field holds is not stored. */
const SECRET = /pass|secret|token|auth|cookie|credential|api_?key|private/i

/** How much of an error is kept. */
interface Bounds {
  readonly causes: number
  readonly errors: number
  readonly messageBytes: number
  readonly stackBytes: number
}

const WHOLE: Bounds = {
  causes: MAX_CAUSES,
  errors: MAX_ERRORS,
  messageBytes: MAX_MESSAGE_BYTES,
  stackBytes: MAX_STACK_BYTES,
}
const PART: Bounds = {
  causes: 1,
  errors: 0,
  messageBytes: MAX_PART_BYTES,
  stackBytes: MAX_PART_BYTES,
}

/** Plain, storable data about a thrown value: texts are made storable and cut. Never throws. */
export function serializeError(thrown: unknown): SerializedError {
  return serialize(thrown, WHOLE)
}

/**
 * The stack of an error with its fields, of what caused it and of the errors that it holds, as far as
 * a stack may be long. Null when there is none of it.
 */
export function stackWithCauses(error: SerializedError): string | null {
  const { stack, fields, cause, errors } = error
  if (fields === undefined && cause === undefined && errors === undefined) return stack
  const parts = partsOf(error, '')
  const whole = parts.join('\n')
  const fits = Buffer.byteLength(whole) <= MAX_STACK_BYTES
  // Rather fewer frames of each than none of the last.
  return storableText(fits ? whole : parts.map(shortened).join('\n'), MAX_STACK_BYTES)
}

/** A message with that of what caused it. */
export function messageWithCause({ message, cause }: SerializedError): string {
  const whole = cause === undefined ? message : `${message}: ${cause.message}`
  return storableText(whole, MAX_MESSAGE_BYTES)
}

function partsOf(error: SerializedError, title: string): string[] {
  const { stack, fields, cause, errors } = error
  const shown = fields === undefined ? '' : `\n  with ${JSON.stringify(fields)}`
  const parts = [`${title}${stack ?? headOf(error)}${shown}`]
  errors?.forEach((one, index) => {
    parts.push(...partsOf(one, `Error ${index + 1} of ${errors.length}: `))
  })
  if (cause !== undefined) parts.push(...partsOf(cause, 'Caused by: '))
  return parts
}

function shortened(part: string): string {
  let frames = 0
  return part
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || ++frames <= MAX_FRAMES)
    .join('\n')
}

function headOf({ name, message }: SerializedError): string {
  return `${name}: ${message}`
}

function serialize(thrown: unknown, bounds: Bounds): SerializedError {
  const message = read(thrown, 'message')
  const stack = read(thrown, 'stack')
  const isError = typeof message === 'string' || typeof stack === 'string'
  const fields = fieldsOf(thrown)
  const errors = errorsOf(thrown, bounds)
  const said = isError ? text(message, '') : textOfOther(thrown, fields)
  const name = read(thrown, 'name')
  const code = read(thrown, 'code')
  const cause = read(thrown, 'cause')
  return {
    name: storableText(text(name, 'Error') || 'Error', MAX_NAME_BYTES),
    message: storableText(said === '' ? messagesOf(errors) : said, bounds.messageBytes),
    stack: typeof stack === 'string' ? storableText(stack, bounds.stackBytes) : null,
    ...(typeof code === 'string' || typeof code === 'number'
      ? { code: storableText(String(code), MAX_NAME_BYTES) }
      : {}),
    ...(fields === null || !isError ? {} : { fields }),
    ...(cause === undefined || cause === null || bounds.causes === 0
      ? {}
      : { cause: serialize(cause, { ...bounds, causes: bounds.causes - 1 }) }),
    ...(errors.length === 0 ? {} : { errors }),
  }
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function textOfOther(thrown: unknown, fields: ErrorFields | null): string {
  if (typeof thrown === 'string') return thrown
  const shown = fields === null ? inspect(thrown) : JSON.stringify(fields)
  return `Not an error was thrown but ${shown}`
}

/** An error of several, such as that of a connection to each address of a host, may say nothing itself. */
function messagesOf(errors: readonly SerializedError[]): string {
  return errors.map(({ message }) => message).join('; ')
}

function errorsOf(thrown: unknown, bounds: Bounds): SerializedError[] {
  const errors = bounds.errors === 0 ? undefined : read(thrown, 'errors')
  if (!isArray(errors)) return []
  const found: SerializedError[] = []
  for (let index = 0; index < Math.min(lengthOf(errors), MAX_ERRORS); index++) {
    found.push(serialize(read(errors, String(index)), PART))
  }
  return found
}

/** Own fields with plain values: what hangs on an error as an object may be large, and may hold secrets. */
function fieldsOf(thrown: unknown): ErrorFields | null {
  if (typeof thrown !== 'object' || thrown === null) return null
  const fields: Record<string, string | number | boolean> = {}
  let count = 0
  for (const key of keysOf(thrown)) {
    if (OWN_PLACE.has(key) || key === '__proto__') continue
    const value = read(thrown, key)
    if (!['string', 'number', 'boolean'].includes(typeof value)) continue
    const kept = SECRET.test(key) ? '[hidden]' : value
    const name = storableText(key, MAX_FIELD_BYTES)
    fields[name] =
      typeof kept === 'string' ? storableText(kept, MAX_FIELD_BYTES) : (kept as number | boolean)
    if (++count === MAX_FIELDS) break
  }
  return count === 0 ? null : fields
}

function keysOf(thrown: object): string[] {
  try {
    return Object.keys(thrown)
  } catch {
    return []
  }
}

function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

function lengthOf(list: readonly unknown[]): number {
  return Number(read(list, 'length')) || 0
}

function read(thrown: unknown, key: string): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null)
    return undefined
  try {
    return (thrown as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
