import type { SerializedError } from './serialize-error.ts'

/**
 * An error made from what was stored of one: an `Error` with its name, message, stack, code, fields and causes. Its class
 * is gone, so code that is to decide alike before and after a crash looks at `name` and `code`.
 */
export function restoreError(stored: SerializedError): Error {
  const { name, message, stack, code, fields, cause, errors } = stored
  const options = cause === undefined ? undefined : { cause: restoreError(cause) }
  const error =
    errors === undefined
      ? new Error(message, options)
      : new AggregateError(errors.map(restoreError), message, options)
  hide(error, 'name', name)
  // Not that of this place, which says nothing.
  hide(error, 'stack', stack ?? `${name}: ${message}`)
  return Object.assign(error, fields, code === undefined ? {} : { code })
}

function hide(error: Error, field: string, value: unknown): void {
  Object.defineProperty(error, field, { value, configurable: true, writable: true })
}
