import { isDeepStrictEqual, inspect as show } from 'node:util'

/** Where a value is not as it was expected. */
export interface Difference {
  /** Such as `args.to[0]`. */
  readonly path: string
  readonly expected: unknown
  readonly found: unknown
}

/** What `expect.any(String)` and its like are in Vitest and Jest. */
interface Matcher {
  asymmetricMatch(value: unknown): boolean
}

/**
 * Compares a value with the part of it that is expected: an object may have more than that, an array may not. A Date
 * stands for its text where the value has one, since arguments are JSON.
 */
export function differences(expected: unknown, found: unknown, path: string): Difference[] {
  if (isMatcher(expected)) return expected.asymmetricMatch(found) ? [] : [{ path, expected, found }]
  if (expected instanceof Date && typeof found === 'string')
    return expected.toJSON() === found ? [] : [{ path, expected: expected.toJSON(), found }]
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length)
      return [{ path, expected, found }]
    return expected.flatMap((one, index) => differences(one, found[index], `${path}[${index}]`))
  }
  if (isRecord(expected)) {
    if (!isRecord(found)) return [{ path, expected, found }]
    return Object.entries(expected).flatMap(([key, one]) =>
      one === undefined && !(key in found) ? [] : differences(one, found[key], pathOf(path, key)),
    )
  }
  return isDeepStrictEqual(expected, found) ? [] : [{ path, expected, found }]
}

/** In a line, such as `args.to is 'eve', expected 'ada'`. */
export function inWords({ path, expected, found }: Difference): string {
  const is = found === undefined ? 'is not there' : `is ${short(found)}`
  return `${path} ${is}, expected ${short(expected)}`
}

export function short(value: unknown): string {
  if (isMatcher(value)) return nameOfMatcher(value)
  return show(value, {
    depth: 4,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 200,
    maxArrayLength: 10,
  })
}

/** Vitest and Jest say what it matches by such a method. */
function nameOfMatcher(matcher: Matcher & { toAsymmetricMatcher?(): string }): string {
  return typeof matcher.toAsymmetricMatcher === 'function'
    ? matcher.toAsymmetricMatcher()
    : String(matcher)
}

function pathOf(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}

function isMatcher(value: unknown): value is Matcher {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Matcher).asymmetricMatch === 'function'
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}
