/** Option checks. Each gives the value back, or throws a `ConfigError` that shows what was given. */

import { ConfigError } from './errors.ts'
import { isStorable } from './storable-text.ts'

/** How much of a value `inspect` prints, in characters. */
const SHOWN = 80

/** A short rendering of any value for a message. Never throws. */
export function inspect(value: unknown): string {
  try {
    return render(value)
  } catch {
    return `a value of type ${typeof value} that cannot be shown`
  }
}

function render(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value))
  if (typeof value === 'bigint') return `${cut(String(value))}n`
  if (typeof value === 'function') return `function ${cut(String(value.name)) || '(anonymous)'}`
  if (typeof value !== 'object' || value === null) return cut(String(value))
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : `Date ${value.toISOString()}`
  if (value instanceof Error) return cut(`${value.name}: ${value.message}`)
  if (Array.isArray(value)) return `an array of ${value.length}`
  const name = value.constructor?.name
  if (typeof name === 'string' && name !== '' && name !== 'Object') return `a ${cut(name)}`
  return cut(`{ ${Object.keys(value).slice(0, 10).join(', ')} }`)
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** `" Did you mean "x"?"` when one of `known` is near to `given`, else the empty text. */
export function didYouMean(given: string, known: readonly string[]): string {
  const best = nearest(given, known, Math.min(3, Math.ceil(given.length / 2)))
  return best === null ? '' : ` Did you mean "${best}"?`
}

/** The one of `known` that is at most that many letters away from `given`, whatever their case, or null. */
export function nearest(given: string, known: readonly string[], most: number): string | null {
  let best: string | null = null
  let bestDistance = most + 1
  for (const name of known) {
    const distance = editDistance(given.slice(0, 100).toLowerCase(), name.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [name, distance]
  }
  return best
}

function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      line.push(Math.min(replaced, above[column]! + 1, line[column - 1]! + 1))
    }
    above = line
  }
  return above[b.length]!
}

/**
 * Checks that an options value is an object with known names only. `undefined` is no options.
 * A key with the value `undefined` counts as not given.
 */
export function checkOptions(
  given: unknown,
  allowedNames: readonly string[],
  what: string,
): Readonly<Record<string, unknown>> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ConfigError(`${what}: expected an object, got ${inspect(given)}.`)
  }
  for (const name of Object.keys(given)) {
    if (allowedNames.includes(name)) continue
    const known =
      allowedNames.length === 0 ? 'there are none' : `expected one of ${allowedNames.join(', ')}`
    throw new ConfigError(
      `${what}: unknown option ${inspect(name)}; ${known}.${didYouMean(name, allowedNames)}`,
      { details: { option: name, allowed: allowedNames } },
    )
  }
  return given as Readonly<Record<string, unknown>>
}

/** Checks a whole number within `min` … `max`, both allowed. */
export function checkInteger(
  value: unknown,
  what: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value
  }
  throw new ConfigError(
    `${what}: expected a whole number from ${min} to ${max}, got ${inspect(value)}.`,
    {
      details: { min, max },
    },
  )
}

export function checkFlag(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value
  throw new ConfigError(`${what}: expected true or false, got ${inspect(value)}.`)
}

export interface TextRule {
  /** What the text is, for the message. */
  readonly what: string
  /** Longest UTF-8 form. */
  readonly maxBytes: number
  /** Whether the empty text is allowed. Default: false. */
  readonly allowEmpty?: boolean
}

/** Checks a text that PostgreSQL can keep: no NUL, well-formed UTF-16, at most `maxBytes` of UTF-8. */
export function checkText(value: unknown, rule: TextRule): string {
  const { what, maxBytes, allowEmpty = false } = rule
  if (typeof value !== 'string')
    throw new ConfigError(`${what}: expected text, got ${inspect(value)}.`)
  if (value === '' && !allowEmpty) throw new ConfigError(`${what}: expected text, got "".`)
  // A third of the limit cannot be too long in any script, and is the usual case.
  if (value.length * 3 > maxBytes && Buffer.byteLength(value) > maxBytes) {
    throw new ConfigError(
      `${what}: expected at most ${maxBytes} bytes, got ${Buffer.byteLength(value)}: ${inspect(value)}.`,
      { details: { maxBytes } },
    )
  }
  if (!isStorable(value)) {
    const found = value.includes('\0') ? 'a NUL character' : 'a lone surrogate'
    throw new ConfigError(`${what}: PostgreSQL cannot store ${found}, got ${inspect(value)}.`)
  }
  return value
}

/** Checks that a value is one of a few words. */
export function checkOneOf<const T extends string>(
  value: unknown,
  words: readonly T[],
  what: string,
): T {
  if (words.includes(value as T)) return value as T
  const hint = typeof value === 'string' ? didYouMean(value, words) : ''
  throw new ConfigError(
    `${what}: expected one of ${words.join(', ')}, got ${inspect(value)}.${hint}`,
    {
      details: { allowed: words },
    },
  )
}
