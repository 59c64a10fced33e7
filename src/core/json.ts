/**
 * The codec of everything that is stored as JSON: arguments, results, meta, progress. What JSON
 * would silently lose, or PostgreSQL would refuse, is an error that names the path to the value.
 *
 * It runs for every push and every result, so the ordinary case is one walk over the types that
 * builds nothing, `JSON.stringify`, and one search of the text. Only after a refusal does
 * `json-fault.ts` walk again to say where and why.
 *
 * Numbers are what JSON.stringify makes of a finite double: `-0` becomes `0`, and a whole number
 * above 2^53 is stored as it prints.
 */

import { findFault } from './json-fault.ts'
import { isPlainObject, isPolluting } from './plain-object.ts'
import { showSize } from './size.ts'

export const MAX_ARGS_BYTES = 1_048_576
export const MAX_RESULT_BYTES = 1_048_576
export const MAX_META_BYTES = 65_536
export const MAX_PROGRESS_BYTES = 65_536
/** How many arrays and objects may stand inside each other. */
export const MAX_DEPTH = 100

export interface EncodeRule {
  /** What is encoded: the beginning of the path in a message. */
  readonly what: string
  /** Longest UTF-8 form of the JSON text. */
  readonly maxBytes: number
  /** Makes the error that is thrown. `details` has `path` and `reason`. */
  readonly error: (message: string, details: Readonly<Record<string, unknown>>) => Error
}

// What the walk may still visit. Each value is at least one byte of JSON and a string at least its
// length, so running out means "too large": a graph whose parts are shared many times ends here
// and not after 2^100 steps.
let budget = 0

/**
 * JSON text of a value, or an error with the path to what is wrong, such as `args.user.tags[2]`.
 * `undefined` as a whole becomes `null`; an undefined property is dropped.
 */
export function encodeJson(value: unknown, rule: EncodeRule): string {
  let text: string | undefined
  let cause: unknown
  try {
    budget = rule.maxBytes
    if (value === undefined) return 'null'
    if (isEncodable(value, 0, true)) text = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  if (text !== undefined && isStorableJson(text) && fits(text, rule.maxBytes)) return text
  const fault = findFault(value, rule.what, rule.maxBytes, MAX_DEPTH)
  const { path, reason } = fault ?? describeText(text, rule, cause)
  throw rule.error(`${path} ${reason}.`, { path, reason })
}

function isEncodable(value: unknown, depth: number, mayConvert: boolean): boolean {
  if (--budget < 0) return false
  switch (typeof value) {
    case 'string':
      budget -= value.length
      return budget >= 0
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth >= MAX_DEPTH) return false
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') {
    // JSON.stringify does not convert the converted value once more.
    if (!mayConvert || isInvalidDate(value)) return false
    return isEncodable(toJSON.call(value, ''), depth, false)
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isEncodable(value[index], depth + 1, true)) return false
    }
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype && !isPlainObject(value)) return false
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key]
    if (isPolluting(key, item)) return false
    if (item !== undefined && !isEncodable(item, depth + 1, true)) return false
  }
  return true
}

export function isInvalidDate(value: object): boolean {
  return (
    Object.prototype.toString.call(value) === '[object Date]' &&
    Number.isNaN((value as Date).getTime())
  )
}

// JSON.stringify writes NUL and lone surrogates as escapes, in keys as in strings: one search over
// the text replaces a check of each. An even number of backslashes before it is no escape.
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

function isStorableJson(text: string): boolean {
  return !text.includes('\\u') || !UNSTORABLE.test(text)
}

function fits(text: string, maxBytes: number): boolean {
  if (text.length * 3 <= maxBytes) return true
  return text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes
}

function describeText(
  text: string | undefined,
  rule: EncodeRule,
  cause: unknown,
): { path: string; reason: string } {
  // Reached when no single value is at fault, or when a getter answers differently each time.
  if (text !== undefined && !fits(text, rule.maxBytes)) {
    return {
      path: rule.what,
      reason: `is ${Buffer.byteLength(text)} bytes of JSON, more than the limit of ${showSize(rule.maxBytes)}`,
    }
  }
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  return { path: rule.what, reason: `cannot be stored as JSON${because}` }
}

/**
 * The value of a JSON text. Keys that could reach a prototype when the value is copied by careless
 * code are left out; they can only come from a row that was written by hand.
 *
 * @throws {SyntaxError} when it is not JSON
 */
export function decodeJson(text: string): unknown {
  const isSuspect =
    text.includes('__proto__') || text.includes('"constructor"') || text.includes('\\u00')
  if (!isSuspect) return JSON.parse(text)
  return JSON.parse(text, (key, value) => (isPolluting(key, value) ? undefined : value))
}
