/**
 * Whatever was thrown, as data that can be stored and sent to another thread. Code that throws can
 * throw anything: null, a getter that throws itself, a chain of causes that bites its tail. Nothing
 * here may fail because of it, or a failed attempt could not be saved.
 */

import { show } from './check.ts'
import { storableText } from './storable-text.ts'

export interface SerializedError {
  readonly name: string
  readonly message: string
  /** Null when what was thrown had none. */
  readonly stack: string | null
  /** Such as `ECONNREFUSED`. */
  readonly code?: string
  readonly cause?: SerializedError
}

const MAX_NAME_BYTES = 200
export const MAX_MESSAGE_BYTES = 8_192
export const MAX_STACK_BYTES = 8_192
/** Causes below this are left out; a cycle ends here too. */
const MAX_CAUSES = 4

/** Plain, storable data about a thrown value: texts are mended and cut. Never throws. */
export function serializeError(thrown: unknown): SerializedError {
  return serialize(thrown, MAX_CAUSES)
}

/** The stack of an error and of what caused it, as far as a stack may be long. Null when there is none. */
export function stackWithCauses(error: SerializedError): string | null {
  if (error.cause === undefined) return error.stack
  const parts = [error.stack ?? headOf(error)]
  for (let one: SerializedError | undefined = error.cause; one !== undefined; one = one.cause) {
    parts.push(`Caused by: ${one.stack ?? headOf(one)}`)
  }
  return storableText(parts.join('\n'), MAX_STACK_BYTES)
}

/** A message with that of what caused it. */
export function messageWithCause({ message, cause }: SerializedError): string {
  const whole = cause === undefined ? message : `${message}: ${cause.message}`
  return storableText(whole, MAX_MESSAGE_BYTES)
}

function headOf({ name, message }: SerializedError): string {
  return `${name}: ${message}`
}

function serialize(thrown: unknown, causesLeft: number): SerializedError {
  const message = read(thrown, 'message')
  const stack = read(thrown, 'stack')
  if (typeof message !== 'string' && typeof stack !== 'string') return serializeOther(thrown)

  const name = read(thrown, 'name')
  const code = read(thrown, 'code')
  const cause = read(thrown, 'cause')
  return {
    name: storableText(typeof name === 'string' && name !== '' ? name : 'Error', MAX_NAME_BYTES),
    message: storableText(typeof message === 'string' ? message : '', MAX_MESSAGE_BYTES),
    stack: typeof stack === 'string' ? storableText(stack, MAX_STACK_BYTES) : null,
    ...(typeof code === 'string' || typeof code === 'number'
      ? { code: storableText(String(code), MAX_NAME_BYTES) }
      : {}),
    ...(cause === undefined || cause === null || causesLeft === 0
      ? {}
      : { cause: serialize(cause, causesLeft - 1) }),
  }
}

function serializeOther(thrown: unknown): SerializedError {
  const text = typeof thrown === 'string' ? thrown : `Not an error was thrown but ${show(thrown)}`
  return { name: 'Error', message: storableText(text, MAX_MESSAGE_BYTES), stack: null }
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
