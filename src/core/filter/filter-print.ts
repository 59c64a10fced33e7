import { inspect } from '../check.ts'
import { FILTER_KEY_NAMES, FILTER_KEYS, type FilterKey, hasPath } from './filter-key.ts'
import { readFilter } from './filter-text.ts'
import type { FilterTerm, JobFilter } from './job-filter.ts'
import { filterError } from './mistake.ts'
import { scalarOf } from './scalar.ts'
import { spanMs } from './time-text.ts'

/** What a bare value may not hold. */
const SPECIAL = /[\s,"]/
/** What the bare name of a field may not hold. */
const PATH_SPECIAL = /[\s,":.]/

/**
 * The text of a filter, from which `parseFilter` makes the same value.
 *
 * @throws {ChancyError} `FILTER_INVALID` when it is no filter
 */
export function printFilter(filter: JobFilter): string {
  return termsOf(filter).map(printTerm).join(' ')
}

/**
 * A filter that was given, as a text or as a value, checked.
 *
 * @throws {ChancyError} `FILTER_INVALID`; of a text with `details.at`, the first character that is wrong, from 0
 */
export function filterOf(given: unknown): JobFilter {
  const isText = typeof given === 'string'
  // Whatever a value holds is checked where its text is read.
  const { terms, mistakes } = readFilter(isText ? given : printFilter(given as JobFilter))
  const [mistake] = mistakes
  if (mistake !== undefined) throw filterError(mistake.message, isText ? mistake : null)
  return { terms: terms.map(({ term }) => term) }
}

function termsOf(filter: unknown): readonly FilterTerm[] {
  const terms = (filter as { terms?: unknown } | null)?.terms
  if (Array.isArray(terms)) return terms as FilterTerm[]
  throw filterError(
    `expected a text such as "state:failed queue:mail", or { terms: […] }, got ${inspect(filter)}.`,
    null,
  )
}

function printTerm(term: FilterTerm): string {
  const { key, not, values } = (term ?? {}) as {
    key?: FilterKey
    not?: unknown
    values?: unknown
  }
  if (key === undefined || !FILTER_KEY_NAMES.includes(key))
    refuse(`unknown key ${inspect(key)}; expected one of ${FILTER_KEY_NAMES.join(', ')}.`)
  if (not !== undefined && typeof not !== 'boolean')
    refuse(`${key}: not: expected true or false, got ${inspect(not)}.`)
  if (!Array.isArray(values) || values.length === 0)
    refuse(`${key}: values: expected a list with one value or more, got ${inspect(values)}.`)
  const path = hasPath(key) ? printPath(key, (term as { path?: unknown }).path) : ''
  const texts = values.map((value) => printValue(key, value))
  return `${not === true ? '-' : ''}${key}${path}:${texts.join(',')}`
}

function printPath(key: FilterKey, path: unknown): string {
  const isPath = Array.isArray(path) && path.length > 0
  if (!isPath || !path.every((name) => typeof name === 'string'))
    refuse(`${key}: path: expected a list of the names of fields, got ${inspect(path)}.`)
  return (path as string[])
    .map((name) => `.${name === '' || PATH_SPECIAL.test(name) ? quoted(name) : name}`)
    .join('')
}

function printValue(key: FilterKey, value: unknown): string {
  switch (FILTER_KEYS[key].kind) {
    case 'name':
      return printName(value)
    case 'json':
      return printScalar(key, value)
    case 'time':
      return printTime(value, key !== 'scheduled')
    case 'duration':
      return printBounds(key, value, (ms) => `${digits(ms)}ms`)
    case 'size':
      return printBounds(key, value, (bytes) => digits(bytes))
    case 'count':
      return printBounds(key, value, digits)
    default:
      if (typeof value !== 'string') refuse(`${key}: expected a text, got ${inspect(value)}.`)
      return bare(value)
  }
}

function bare(text: string): string {
  return text === '' || SPECIAL.test(text) ? quoted(text) : text
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function printName(value: unknown): string {
  if (typeof value === 'string') return value.endsWith('*') ? quoted(value) : bare(value)
  const prefix = (value as { prefix?: unknown } | null)?.prefix
  if (typeof prefix !== 'string')
    refuse(`name: expected a text or { prefix: 'mail.' }, got ${inspect(value)}.`)
  return `${prefix === '' ? '' : bare(prefix)}*`
}

function printScalar(key: FilterKey, value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  if (typeof value === 'string') return scalarOf(value) === value ? bare(value) : quoted(value)
  const number = (value as { number?: unknown })?.number
  if (typeof number === 'string' && typeof scalarOf(number) !== 'string') {
    if (!['true', 'false', 'null'].includes(number)) return number
  }
  return refuse(
    `${key}: expected a text, a number, true, false, null or { number: '7' }, got ${inspect(value)}.`,
  )
}

const SIGNS = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const
const FLIPPED = { lt: '>', lte: '>=', gt: '<', gte: '<=' } as const
type Op = keyof typeof SIGNS

/** One bound, or `gte` and `lte`: what a text can say. */
function boundsOf<T>(key: string, value: unknown, type: 'string' | 'number'): [Op, T][] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const bounds = (isObject ? Object.entries(value) : []).filter(([, one]) => one !== undefined)
  const names = bounds.map(([name]) => name)
  const isPair = names.length === 2 && names.includes('gte') && names.includes('lte')
  const isOne = names.length === 1 && names[0]! in SIGNS
  if ((isOne || isPair) && bounds.every(([, one]) => typeof one === type))
    return bounds as [Op, T][]
  return refuse(
    `${key}: expected { gt }, { gte }, { lt }, { lte } or { gte, lte } with a ${type}, got ${inspect(value)}.`,
  )
}

function printBounds(key: string, value: unknown, show: (number: number) => string): string {
  const bounds = boundsOf<number>(key, value, 'number')
  if (bounds.length === 1) return `${SIGNS[bounds[0]![0]]}${show(bounds[0]![1])}`
  const { gte, lte } = Object.fromEntries(bounds) as { gte: number; lte: number }
  return gte === lte ? show(gte) : `${show(gte)}..${show(lte)}`
}

function printTime(value: unknown, isAge: boolean): string {
  const bounds = boundsOf<string>('a time', value, 'string')
  if (bounds.length === 1) {
    const [op, at] = bounds[0]!
    return bare(`${(isAge && spanMs(at) !== null ? FLIPPED : SIGNS)[op]}${at}`)
  }
  const { gte, lte } = Object.fromEntries(bounds) as { gte: string; lte: string }
  const spans = spanMs(gte) !== null && spanMs(lte) !== null
  if (gte === lte && !spans) return bare(gte)
  return bare(spans && isAge ? `${lte}..${gte}` : `${gte}..${lte}`)
}

function digits(number: number): string {
  return Number.isFinite(number) && Math.abs(number) < 1e21 ? String(number) : 'NaN'
}

function refuse(message: string): never {
  throw filterError(message, null)
}
