/**
 * As much of Standard Schema as is used here, so that any validator that speaks it can check
 * arguments and none has to be installed.
 *
 * Source: https://standardschema.dev, version 1.
 */

import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { isThenable } from './thenable.ts'

export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type InferInput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['input']
export type InferOutput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['output']

/** Issues that a message names; the rest is counted. */
const MAX_ISSUES = 10

/** Checks that a value is a Standard Schema validator. */
export function checkSchema(value: unknown, what: string): StandardSchemaV1 {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const standard = isObject ? (value as Partial<StandardSchemaV1>)['~standard'] : undefined
  if (standard?.version === 1 && typeof standard.validate === 'function') {
    return value as StandardSchemaV1
  }
  throw new ConfigError(
    `${what}: expected a Standard Schema validator (zod, valibot, arktype, …), got ${inspect(value)}.`,
  )
}

/**
 * What a validator makes of a value: its output, synchronously when the validator answers synchronously.
 *
 * @throws {ConfigError} with every issue and its path
 */
export function validateInput(
  schema: StandardSchemaV1,
  value: unknown,
  what: string,
): unknown | Promise<unknown> {
  let result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>
  try {
    result = schema['~standard'].validate(value)
  } catch (cause) {
    throw brokenValidator(what, cause)
  }
  if (!isThenable(result)) return outputOf(result, what)
  return Promise.resolve(result).then(
    (settled: unknown) => outputOf(settled, what),
    (cause) => {
      throw brokenValidator(what, cause)
    },
  )
}

function outputOf(result: unknown, what: string): unknown {
  if (!isResult(result)) throw unclearValidator(what, result)
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue) => ({
    path: pathOf(issue),
    message: String(issue.message),
  }))
  const shown = issues.slice(0, MAX_ISSUES).map(({ path, message }) => `${path}: ${message}`)
  const more = issues.length > MAX_ISSUES ? `; and ${issues.length - MAX_ISSUES} more` : ''
  throw new ConfigError(`${what} are not what the schema asks for: ${shown.join('; ')}${more}.`, {
    details: { issues },
  })
}

function pathOf(issue: SchemaIssue): string {
  let path = 'args'
  for (const part of issue.path ?? []) {
    const key = typeof part === 'object' ? part.key : part
    path += typeof key === 'number' ? `[${key}]` : `.${String(key)}`
  }
  return path
}

/** Either issues, or a value where there are none. */
function isResult(value: unknown): value is SchemaResult<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { issues } = value as { readonly issues?: unknown }
  if (issues === undefined) return 'value' in value
  return Array.isArray(issues) && issues.every((one) => typeof one === 'object' && one !== null)
}

function unclearValidator(what: string, result: unknown): ConfigError {
  return new ConfigError(
    `${what} could not be checked: the schema's validator gave ${inspect(result)}, where Standard Schema asks for { value } or { issues }. Correct its "validate".`,
  )
}

function brokenValidator(what: string, cause: unknown): ConfigError {
  return new ConfigError(
    `${what} could not be checked: the schema's validator threw ${inspect(cause)}.`,
    {
      cause,
    },
  )
}
