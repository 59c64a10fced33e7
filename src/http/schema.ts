import {
  checkFlag,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkText,
  inspect,
} from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'

/** A part of an OpenAPI document. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The shape of a value of the API: its schema for the OpenAPI document, its type for the compiler, and the check of
 * what a client sent.
 */
export interface Schema<out T> {
  readonly json: JsonSchema
  /** Its name among the components of the document; absent: it stands where it is used. */
  readonly name?: string
  /** Whether a field of this shape may be left out of a request. */
  readonly isOptional?: boolean
  /** The value in the form that a route works with. @throws {ConfigError} */
  readonly check: (value: unknown, what: string) => T
  /** The value of a parameter; absent: it cannot be one. @throws {ConfigError} */
  readonly read?: (text: string, what: string) => T
}

/** The type of a value of a shape. */
export type Infer<S> = S extends Schema<infer T> ? T : never

type Fields = Readonly<Record<string, Schema<unknown>>>
type OptionalNames<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { readonly isOptional: true } ? Name : never
}[keyof F]

/** The type of an object with fields. */
export type ObjectOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalNames<F>>]: Infer<F[Name]>
} & { readonly [Name in OptionalNames<F>]?: Infer<F[Name]> }

export interface TextOptions {
  readonly maxBytes?: number
  readonly allowEmpty?: boolean
  /** A format of JSON Schema. */
  readonly format?: string
}

const MAX_TEXT_BYTES = 1_048_576

export function text(options: TextOptions = {}): Schema<string> {
  const { maxBytes = MAX_TEXT_BYTES, allowEmpty = false, format } = options
  const check = (value: unknown, what: string) => checkText(value, { what, maxBytes, allowEmpty })
  return { json: { type: 'string', ...(format && { format }) }, check, read: check }
}

export function integer({
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
}: {
  readonly min?: number
  readonly max?: number
} = {}): Schema<number> {
  const check = (value: unknown, what: string) => checkInteger(value, what, { min, max })
  const bounds = {
    ...(min > Number.MIN_SAFE_INTEGER && { minimum: min }),
    ...(max < Number.MAX_SAFE_INTEGER && { maximum: max }),
  }
  const read = (given: string, what: string) =>
    check(/^-?\d{1,16}$/.test(given) ? Number(given) : given, what)
  return { json: { type: 'integer', ...bounds }, check, read }
}

export function number(): Schema<number> {
  const check = (value: unknown, what: string) => {
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw new ConfigError(`${what}: expected a number, got ${inspect(value)}.`)
  }
  return { json: { type: 'number' }, check }
}

export function flag(): Schema<boolean> {
  const words = ['true', 'false', '1', '0'] as const
  return {
    json: { type: 'boolean' },
    check: checkFlag,
    read: (given, what) => ['true', '1'].includes(checkOneOf(given, words, what)),
  }
}

export function oneOf<const T extends string>(words: readonly T[]): Schema<T> {
  const check = (value: unknown, what: string) => checkOneOf(value, words, what)
  return { json: { type: 'string', enum: [...words] }, check, read: check }
}

/** A time, as text in ISO 8601. */
export function time(): Schema<string> {
  return {
    json: { type: 'string', format: 'date-time' },
    check: (value, what) => instantOf(value, what).toISOString(),
  }
}

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** A time that a client sends. */
export function instant(): Schema<Date> {
  return { json: { type: 'string', format: 'date-time' }, check: instantOf, read: instantOf }
}

function instantOf(value: unknown, what: string): Date {
  const at = typeof value === 'string' && ISO.test(value) ? new Date(value) : null
  if (at !== null && !Number.isNaN(at.getTime())) return at
  throw new ConfigError(
    `${what}: expected a time in ISO 8601, such as "2026-03-01T12:00:00Z", got ${inspect(value)}.`,
  )
}

/** Any JSON. */
export function json(): Schema<unknown> {
  return { json: {}, check: (value) => value }
}

export function list<T>(
  of: Schema<T>,
  { max }: { readonly max?: number } = {},
): Schema<readonly T[]> {
  const checked = (value: readonly unknown[], what: string): readonly T[] => {
    if (max !== undefined && value.length > max)
      throw new ConfigError(`${what}: expected at most ${max} elements, got ${value.length}.`)
    return value.map((one, at) => of.check(one, `${what}[${at}]`))
  }
  return {
    json: { type: 'array', items: reference(of), ...(max !== undefined && { maxItems: max }) },
    check: (value, what) => {
      if (Array.isArray(value)) return checked(value, what)
      throw new ConfigError(`${what}: expected an array, got ${inspect(value)}.`)
    },
    ...(of.read && {
      read: (given: string, what: string) => given.split(',').map((one) => of.read!(one, what)),
    }),
  }
}

/** An object whose keys are data. */
export function record<T>(of: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return {
    json: { type: 'object', additionalProperties: reference(of) },
    check: (value, what) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new ConfigError(`${what}: expected an object, got ${inspect(value)}.`)
      const entries = Object.entries(value).map(([key, one]) => [
        key,
        of.check(one, `${what}.${key}`),
      ])
      return Object.fromEntries(entries) as Record<string, T>
    },
  }
}

/** An object with these fields and no other. */
export function object<const F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const names = Object.keys(fields)
  const required = names.filter((name) => fields[name]?.isOptional !== true)
  const properties = Object.fromEntries(names.map((name) => [name, reference(fields[name]!)]))
  return {
    json: { type: 'object', properties, required, additionalProperties: false },
    check: (value, what) => {
      const given = checkOptions(value ?? null, names, what)
      const found: Record<string, unknown> = {}
      for (const [name, field] of Object.entries(fields)) {
        if (Object.hasOwn(given, name)) found[name] = field.check(given[name], `${what}.${name}`)
        else if (field.isOptional !== true)
          throw new ConfigError(`${what}: "${name}" is missing. It is required.`)
      }
      return found as ObjectOf<F>
    },
  }
}

export function nullable<T>(of: Schema<T>): Schema<T | null> {
  return {
    json: { anyOf: [reference(of), { type: 'null' }] },
    check: (value, what) => (value === null ? null : of.check(value, what)),
  }
}

/** A field that a request may leave out. */
export function optional<T>(of: Schema<T>): Schema<T> & { readonly isOptional: true } {
  return { ...of, isOptional: true }
}

/** One of several shapes, which differ in the value of their field `kind`. */
export function variants<const V extends readonly Schema<unknown>[]>(
  of: V,
): Schema<Infer<V[number]>> {
  return {
    json: { anyOf: of.map(reference) },
    check: (_, what) => {
      throw new ConfigError(`${what}: this shape is not taken.`)
    },
  }
}

/** A text that is always this one. */
export function literal<const T extends string>(word: T): Schema<T> {
  return {
    json: { type: 'string', const: word },
    check: (value, what) => checkOneOf(value, [word], what),
  }
}

/** A shape with a name of its own in the document. */
export function named<T>(name: string, of: Schema<T>): Schema<T> {
  return { ...of, name }
}

const COMPONENTS = '#/components/schemas/'
/** By name, what `reference` has met. */
const components = new Map<string, JsonSchema>()

/** Where a shape is used: itself, or its name. */
export function reference(of: Schema<unknown>): JsonSchema {
  if (of.name === undefined) return of.json
  components.set(of.name, of.json)
  return { $ref: `${COMPONENTS}${of.name}` }
}

/** The shapes with names, in the order of those. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)))
}
