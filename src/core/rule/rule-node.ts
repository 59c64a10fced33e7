import { checkInteger, checkOneOf, checkText, didYouMean, inspect } from '../check.ts'
import { durationMs } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import { isPlainObject } from '../plain-object.ts'
import { JOB_STATES } from '../queued-job.ts'

/** A rule as JSON: `{ "queue": { "eq": "mail" } }`, or `and`, `or`, `not` of others. */
export interface RuleData {
  readonly [fieldOrJoin: string]: unknown
}

export type RuleScalar = string | number | boolean | null

/** A rule that was checked: all that is evaluated, in memory or as SQL, is this. */
export type RuleNode =
  | { readonly kind: 'and' | 'or'; readonly of: readonly RuleNode[] }
  | { readonly kind: 'not'; readonly of: RuleNode }
  | RuleCondition

/** What one field is compared with. */
export interface RuleCondition {
  readonly kind: 'condition'
  readonly field: RuleField
  /** Of `meta`: the key. Otherwise empty. */
  readonly key: string
  readonly test: RuleTest
}

export type RuleTest =
  | { readonly op: 'eq' | 'ne'; readonly value: RuleScalar }
  | { readonly op: 'in' | 'notIn'; readonly values: readonly RuleScalar[] }
  /** Of `age` and `waiting` in milliseconds, of `createdAt` milliseconds since the epoch. */
  | { readonly op: Comparison; readonly value: number }
  | { readonly op: 'startsWith'; readonly value: string }
  | { readonly op: 'isNull'; readonly value: boolean }

export type Comparison = (typeof COMPARISONS)[number]

const COMPARISONS = ['gt', 'gte', 'lt', 'lte'] as const
const EQUALITY = ['eq', 'ne', 'in', 'notIn'] as const
type Op = (typeof EQUALITY)[number] | Comparison | 'startsWith' | 'isNull'

/** The fields, with what each may be compared by. */
const FIELDS = {
  queue: [...EQUALITY, 'startsWith', 'isNull'],
  name: [...EQUALITY, 'startsWith', 'isNull'],
  state: [...EQUALITY, 'isNull'],
  priority: [...EQUALITY, ...COMPARISONS, 'isNull'],
  attempts: [...EQUALITY, ...COMPARISONS, 'isNull'],
  age: [...COMPARISONS, 'isNull'],
  waiting: [...COMPARISONS, 'isNull'],
  createdAt: [...COMPARISONS, 'isNull'],
  meta: [...EQUALITY, ...COMPARISONS, 'startsWith', 'isNull'],
} as const satisfies Record<string, readonly Op[]>

export type RuleField = keyof typeof FIELDS

const JOINS = ['and', 'or', 'not'] as const
const META = 'meta.'
const NAMES: readonly string[] = [
  ...Object.keys(FIELDS).filter((name) => name !== 'meta'),
  'meta.<key>',
  ...JOINS,
]
/** What a rule may hold: it is evaluated for each row, and may come from outside. */
const [MAX_DEPTH, MAX_CONDITIONS, MAX_VALUES] = [20, 100, 1_000]
const MAX_TEXT_BYTES = 1_000
const MAX_KEY_BYTES = 200
/** The year 9999: what JavaScript counts beyond it, PostgreSQL does not. */
const MAX_DATE_MS = 253_402_300_799_999

/**
 * Checks the data of a rule, also of one from outside, and returns what is evaluated.
 *
 * @throws {ConfigError} that names the place, such as `rule.and[1].age.gt`
 */
export function parseRuleNode(data: unknown, what = 'rule'): RuleNode {
  return parse(data, what, { depth: 0, conditions: { count: 0 } })
}

interface Seen {
  readonly depth: number
  readonly conditions: { count: number }
}

function parse(data: unknown, what: string, { depth, conditions }: Seen): RuleNode {
  if (depth > MAX_DEPTH)
    throw new ConfigError(`${what}: rules may stand ${MAX_DEPTH} deep inside each other.`)
  const [name, value] = soleEntry(data, what)
  const at = `${what}.${name}`
  const inner = { depth: depth + 1, conditions }
  if (name === 'not') return { kind: 'not', of: parse(value, at, inner) }
  if (name === 'and' || name === 'or') {
    if (!Array.isArray(value) || value.length === 0)
      throw new ConfigError(`${at}: expected an array of rules, got ${inspect(value)}.`)
    return { kind: name, of: value.map((one, n) => parse(one, `${at}[${n}]`, inner)) }
  }
  if (++conditions.count > MAX_CONDITIONS)
    throw new ConfigError(`${what}: a rule has at most ${MAX_CONDITIONS} conditions.`)
  const { field, key } = fieldOf(name, what)
  const [op, operand] = soleEntry(value, at)
  checkOneOf(op, FIELDS[field], `${at}: operator`)
  return { kind: 'condition', field, key, test: testOf(field, op as Op, operand, `${at}.${op}`) }
}

function soleEntry(data: unknown, what: string): [name: string, value: unknown] {
  const [entry, ...more] = isPlainObject(data) ? Object.entries(data) : []
  if (entry !== undefined && more.length === 0) return entry
  throw new ConfigError(
    `${what}: expected an object with one key, such as { "queue": { "eq": "mail" } }, got ${inspect(data)}.`,
  )
}

function fieldOf(name: string, what: string): { field: RuleField; key: string } {
  if (name.startsWith(META)) {
    const key = name.slice(META.length)
    return {
      field: 'meta',
      key: checkText(key, { what: `${what}: key of meta`, maxBytes: MAX_KEY_BYTES }),
    }
  }
  if (name !== 'meta' && Object.hasOwn(FIELDS, name)) return { field: name as RuleField, key: '' }
  throw new ConfigError(
    `${what}: unknown field ${inspect(name)}; expected one of ${NAMES.join(', ')}.${didYouMean(name, NAMES)}`,
  )
}

function testOf(field: RuleField, op: Op, operand: unknown, what: string): RuleTest {
  switch (op) {
    case 'eq':
    case 'ne':
      return { op, value: scalarOf(field, operand, what) }
    case 'in':
    case 'notIn': {
      const isList = Array.isArray(operand) && operand.length > 0 && operand.length <= MAX_VALUES
      if (!isList)
        throw new ConfigError(
          `${what}: expected an array of 1 to ${MAX_VALUES} values, got ${inspect(operand)}.`,
        )
      return { op, values: operand.map((one, n) => scalarOf(field, one, `${what}[${n}]`)) }
    }
    case 'startsWith':
      return { op, value: textOf(operand, what) }
    case 'isNull':
      if (typeof operand === 'boolean') return { op, value: operand }
      throw new ConfigError(`${what}: expected true or false, got ${inspect(operand)}.`)
    default:
      return { op, value: boundOf(field, operand, what) }
  }
}

/** A value to be equal to. */
function scalarOf(field: RuleField, value: unknown, what: string): RuleScalar {
  if (value === null) return null
  switch (field) {
    case 'state':
      return checkOneOf(value, JOB_STATES, what)
    case 'priority':
    case 'attempts':
      return wholeOf(value, what)
    case 'meta':
      if (typeof value === 'boolean') return value
      return typeof value === 'number' ? finiteOf(value, what) : textOf(value, what)
    default:
      return textOf(value, what)
  }
}

/** A value to be compared with. */
function boundOf(field: RuleField, value: unknown, what: string): number {
  switch (field) {
    case 'age':
    case 'waiting':
      return durationMs(value, what)
    case 'createdAt':
      return dateMs(value, what)
    case 'meta':
      return finiteOf(value, what)
    default:
      return wholeOf(value, what)
  }
}

function textOf(value: unknown, what: string): string {
  return checkText(value, { what, maxBytes: MAX_TEXT_BYTES, allowEmpty: true })
}

function wholeOf(value: unknown, what: string): number {
  return checkInteger(value, what, { min: -(2 ** 31), max: 2 ** 31 - 1 })
}

function finiteOf(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new ConfigError(`${what}: expected a finite number, got ${inspect(value)}.`)
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/

function dateMs(value: unknown, what: string): number {
  const ms = typeof value === 'string' && ISO.test(value) ? Date.parse(value) : Number.NaN
  if (ms >= 0 && ms <= MAX_DATE_MS) return ms
  throw new ConfigError(
    `${what}: expected a Date, or a text like "2026-01-31T12:00:00Z", from 1970 to 9999, got ${inspect(value)}.`,
  )
}
