import { didYouMean, inspect } from '../check.ts'
import { type AttemptErrorKind, JOB_STATES } from '../queued-job.ts'
import { sizeBytes } from '../size.ts'
import { isStorable } from '../storable-text.ts'
import { FILTER_KEYS, type FilterKey } from './filter-key.ts'
import type { Bounds, NameMatch } from './job-filter.ts'
import { scalarOf } from './scalar.ts'
import type { Written } from './scanner.ts'
import { isMoment, spanMs } from './time-text.ts'

/** Says what is wrong with a value; the reader adds where. */
class WrongValue extends Error {}

const STATE_WORDS: readonly string[] = [...JOB_STATES, 'waiting', 'finished']
/** A record, so that a kind which is added to the type has to be added here. */
const KINDS: Readonly<Record<AttemptErrorKind, true>> = {
  ...{ error: true, discarded: true, timeout: true, memory: true, crash: true, cancelled: true },
  ...{ 'limit-not-supported': true, 'result-not-storable': true, 'not-saved': true },
  ...{ 'row-invalid': true, skipped: true, input: true, deadline: true },
  ...{ 'steps-changed': true, history: true },
}
/** The words that a value of a key can be. Null: it is no word. */
export function wordsOf(key: FilterKey): readonly string[] | null {
  if (key === 'state') return STATE_WORDS
  return key === 'kind' ? Object.keys(KINDS) : null
}

const MAX_TEXT_BYTES = 1_000
const FINGERPRINT = /^[0-9a-f]{16}$/
const UUID_SHAPE = '00000000-0000-0000-0000-000000000000'
/** Shorter beginnings of ids are as good as none. */
const MIN_ID_DIGITS = 8

/** Whether a text is an id, or at least the first 8 digits of one. */
export function isIdPrefix(text: string): boolean {
  if (text.length < MIN_ID_DIGITS || text.length > UUID_SHAPE.length) return false
  return [...text].every((digit, n) =>
    UUID_SHAPE[n] === '-' ? digit === '-' : /[0-9a-f]/i.test(digit),
  )
}

/** A value of a key. `wrong` is called with what is wrong, and throws. */
export function readValue(
  key: FilterKey,
  written: Written,
  wrong: (why: string) => never,
): unknown {
  try {
    if (written.isOpen && key !== 'name')
      throw new WrongValue(`only names may end with *, got ${inspect(`${written.text}*`)}.`)
    if (!isStorable(written.text))
      throw new WrongValue(`PostgreSQL cannot store ${inspect(written.text)}.`)
    return read(key, written)
  } catch (error) {
    if (error instanceof WrongValue) return wrong(error.message)
    throw error
  }
}

function read(key: FilterKey, written: Written): unknown {
  const { text } = written
  switch (FILTER_KEYS[key].kind) {
    case 'word':
      return word(text, wordsOf(key) ?? [])
    case 'name':
      return name(written)
    case 'json':
      return written.isQuoted ? text : scalarOf(text)
    case 'id':
      return id(key, text)
    case 'time':
      return timeBounds(text, key !== 'scheduled')
    case 'duration':
      return numberBounds(text, spanMs, 'a duration, such as 250ms, 5s or 2h')
    case 'size':
      return numberBounds(text, size, 'a size, such as 512KiB or 100MiB')
    case 'count':
      return numberBounds(text, integer, 'a whole number')
    case 'text':
      return key === 'failure' ? fingerprint(text) : plainText(text)
  }
}

function word(text: string, words: readonly string[]): string {
  if (words.includes(text)) return text
  throw new WrongValue(
    `expected one of ${words.join(', ')}, got ${inspect(text)}.${didYouMean(text, words)}`,
  )
}

function name({ text, isQuoted, isOpen }: Written): NameMatch {
  const isPrefix = isOpen || (!isQuoted && text.endsWith('*'))
  const plain = plainText(isOpen || !isPrefix ? text : text.slice(0, -1), isPrefix)
  return isPrefix ? { prefix: plain } : plain
}

function plainText(text: string, mayBeEmpty = false): string {
  if (text === '' && !mayBeEmpty) throw new WrongValue('expected a text, got "".')
  // As UTF-8 a text has at most three bytes for each unit of UTF-16.
  if (text.length * 3 > MAX_TEXT_BYTES && Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw new WrongValue(`expected at most ${MAX_TEXT_BYTES} bytes, got ${inspect(text)}.`)
  return text
}

function id(key: FilterKey, text: string): string {
  const isWhole = text.length === UUID_SHAPE.length
  if (isIdPrefix(text) && (isWhole || key === 'id')) return text.toLowerCase()
  const wanted = key === 'id' ? 'an id or the first 8 digits of one and more' : 'an id'
  throw new WrongValue(`expected ${wanted}, got ${inspect(text)}.`)
}

function fingerprint(text: string): string {
  if (FINGERPRINT.test(text.toLowerCase())) return text.toLowerCase()
  throw new WrongValue(`expected a fingerprint of 16 digits, got ${inspect(text)}.`)
}

const BOUND = /^(<=|>=|<|>)?(.*)$/s
const OPS = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const
/** An age is more where the time is less. */
const FLIPPED = { lt: 'gt', lte: 'gte', gt: 'lt', gte: 'lte' } as const

function timeBounds(text: string, isAge: boolean): Bounds<string> {
  const range = text.split('..')
  if (range.length === 2) return timeRange(moment(range[0]!), moment(range[1]!), isAge)
  const [, sign, plain] = BOUND.exec(text)!
  const at = moment(plain!)
  const isSpan = spanMs(at) !== null
  if (sign === undefined) {
    if (isSpan) throw new WrongValue(`write <${at} or >${at}: a duration alone is no time.`)
    return { gte: at, lte: at }
  }
  const op = OPS[sign as keyof typeof OPS]
  return { [isSpan && isAge ? FLIPPED[op] : op]: at }
}

function timeRange(first: string, second: string, isAge: boolean): Bounds<string> {
  const [a, b] = [spanMs(first), spanMs(second)]
  if (a === null || b === null) return { gte: first, lte: second }
  if (a > b) throw new WrongValue(`no time is in ${first}..${second}; write ${second}..${first}.`)
  return isAge ? { gte: second, lte: first } : { gte: first, lte: second }
}

function moment(text: string): string {
  if (isMoment(text)) return text
  throw new WrongValue(
    `expected a time, such as <2h, 2026-03-01, >2026-03-01T12:00Z or 2026-03-01..2026-03-05, got ${inspect(text)}.`,
  )
}

function numberBounds(
  text: string,
  read: (text: string) => number | null,
  wanted: string,
): Bounds<number> {
  const of = (given: string): number => {
    const number = read(given)
    if (number === null) throw new WrongValue(`expected ${wanted}, got ${inspect(given)}.`)
    return number
  }
  const range = text.split('..')
  if (range.length === 2) {
    const [gte, lte] = [of(range[0]!), of(range[1]!)]
    if (gte > lte) throw new WrongValue(`nothing is in ${text}; the smaller one comes first.`)
    return { gte, lte }
  }
  const [, sign, plain] = BOUND.exec(text)!
  const number = of(plain!)
  return sign === undefined
    ? { gte: number, lte: number }
    : { [OPS[sign as keyof typeof OPS]]: number }
}

function integer(text: string): number | null {
  const number = /^-?\d{1,10}$/.test(text) ? Number(text) + 0 : null
  return number !== null && Math.abs(number) <= 2_147_483_647 ? number : null
}

function size(text: string): number | null {
  try {
    return sizeBytes(/^\d+$/.test(text) ? Number(text) : text, 'memory')
  } catch {
    return null
  }
}
