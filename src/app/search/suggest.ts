import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { FILTER_KEY_NAMES, FILTER_KEYS, type FilterKey } from '../../core/filter/filter-key.ts'
import { readFilter } from '../../core/filter/filter-text.ts'
import { wordsOf } from '../../core/filter/filter-value.ts'
import { isMasked } from '../../core/filter/masked-path.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import { getQueues } from '../../database/statements/queues.ts'
import { checkFilterOptions, FILTER_OPTIONS } from './asked-filter.ts'
import { findPage } from './found-page.ts'
import type { JobSearchOptions } from './job-search-options.ts'
import { globFits } from './name-patterns.ts'
import type { FilterOptions, FilterSuggestion, FilterSuggestions } from './search-options.ts'

/** The newest jobs that fit the rest of the text: their fields and values are suggested. */
const LOOKED_AT = 200
const MAX_SUGGESTIONS = 20
/** A longer value is not suggested. */
const MAX_VALUE_LENGTH = 100
const MAX_DEPTH = 4
/** What needs no quotes. */
const BARE = /^[^\s,":\\-][^\s,":\\]*$/

/** The word of a text that is being written. */
interface Word {
  readonly at: number
  readonly end: number
  /** What stands before the place. */
  readonly written: string
}

interface Candidate {
  readonly text: string
  readonly about: string | null
  readonly kind: 'key' | 'value'
}

/** @throws {ConfigError} */
export async function suggest(
  options: JobSearchOptions,
  text: string,
  at: number | undefined,
  given: FilterOptions,
): Promise<FilterSuggestions> {
  if (typeof text !== 'string')
    throw new ConfigError(`suggestFilter: expected a text, got ${inspect(text)}.`)
  const checked = checkOptions(given, FILTER_OPTIONS, 'suggestFilter') as FilterOptions
  const { scope } = checkFilterOptions(checked, 'suggestFilter')
  const rule = { min: 0, max: text.length }
  const place = checkInteger(at ?? text.length, 'suggestFilter: at', rule)
  const word = wordAt(text, place)
  const sign = word.written.startsWith('-') ? '-' : ''
  const [head, ...values] = splitValues(word.written.slice(sign.length))
  const found =
    head === null
      ? await keys(word.written.slice(sign.length))
      : await valuesOf(head, values.at(-1) ?? '')
  const before =
    head === null
      ? sign
      : `${sign}${head}:${values
          .slice(0, -1)
          .map((one) => `${one},`)
          .join('')}`
  return {
    suggestions: found.slice(0, MAX_SUGGESTIONS).map(
      (one): FilterSuggestion => ({
        text: before + one.text,
        at: word.at,
        end: word.end,
        kind: one.kind,
        about: one.about,
      }),
    ),
    mistakes: readFilter(text).mistakes,
  }

  async function keys(begun: string): Promise<Candidate[]> {
    const [root = '', ...path] = begun.split('.')
    if ((root === 'args' || root === 'meta') && begun.includes('.')) {
      const fields = fieldsOf(await newest(), root, scope.masked ?? [])
      const wanted = path.join('.')
      return [...fields]
        .filter(([field]) => field.startsWith(wanted))
        .map(([field, jobs]) => ({
          text: `${root}.${field}:`,
          about: `in ${jobs} of the newest ${LOOKED_AT}`,
          kind: 'key',
        }))
    }
    return FILTER_KEY_NAMES.filter((key) => key.startsWith(begun)).map((key) => ({
      text: key === 'args' || key === 'meta' ? `${key}.` : `${key}:`,
      about: FILTER_KEYS[key].about,
      kind: 'key',
    }))
  }

  async function valuesOf(head: string, begun: string): Promise<Candidate[]> {
    const [root = '', ...path] = head.split('.')
    const key = FILTER_KEY_NAMES.find((one) => one === root)
    if (key === undefined) return []
    const bare = begun.replace(/^"/, '')
    const words = wordsOf(key)
    if (words !== null)
      return fitting(
        words.map((one) => [one, null]),
        bare,
      )
    if (path.length > 0 && isMasked([root, ...path], scope.masked ?? [])) return []
    const counted = new Map<string, number>()
    for (const job of await newest())
      for (const value of valuesIn(job, key, path))
        counted.set(value, (counted.get(value) ?? 0) + 1)
    const seen = [...counted].sort(([, a], [, b]) => b - a)
    const shown = seen.map(([value, jobs]): [string, string] => [
      value,
      `${jobs} of the newest ${LOOKED_AT}`,
    ])
    if (key !== 'queue') return fitting(shown, bare)
    const queues = await options.statements.read(getQueues, [])
    const others = queues.filter(({ name }) => !counted.has(name) && isSeen(name))
    return fitting([...shown, ...others.map(({ name }): [string, null] => [name, null])], bare)
  }

  function isSeen(queue: string): boolean {
    return scope.queues === undefined || scope.queues.some((one) => globFits(one, queue))
  }

  /** Of those that fit the rest of the text. */
  async function newest(): Promise<readonly QueuedJob[]> {
    const rest = `${text.slice(0, word.at)} ${text.slice(word.end)}`
    const terms = readFilter(rest).terms.map(({ term }) => term)
    const page = await findPage(
      options,
      { terms },
      { ...checked, limit: LOOKED_AT, maxPartBytes: 16_384 },
    )
    return page.items
  }
}

function wordAt(text: string, place: number): Word {
  let [at, isQuoted] = [0, false]
  for (let n = 0; n < place; n++) {
    if (text[n] === '"') isQuoted = !isQuoted
    else if (!isQuoted && /\s/.test(text[n] as string)) at = n + 1
  }
  const rest = /^[^\s]*/.exec(text.slice(place))?.[0] ?? ''
  return { at, end: place + rest.length, written: text.slice(at, place) }
}

/** The key and the values behind it; the key is null where none is whole yet. */
function splitValues(written: string): [string | null, ...string[]] {
  const colon = written.indexOf(':')
  if (colon === -1) return [null]
  return [written.slice(0, colon), ...written.slice(colon + 1).split(',')]
}

function fitting(values: readonly [string, string | null][], begun: string): Candidate[] {
  return values
    .filter(([value]) => value.toLowerCase().startsWith(begun.toLowerCase()))
    .map(([value, about]) => ({ text: quoted(value), about, kind: 'value' }))
}

const quoted = (value: string): string =>
  BARE.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`

/** What a job has for a key, as a text of a filter would say it without quotes. */
function valuesIn(job: QueuedJob, key: FilterKey, path: readonly string[]): readonly string[] {
  const one = (value: unknown): readonly string[] =>
    typeof value === 'string' && value !== '' && value.length <= MAX_VALUE_LENGTH ? [value] : []
  if (key === 'queue') return one(job.queue)
  if (key === 'name') return one(job.name)
  if (key === 'unique') return one(job.uniqueKey)
  if (key === 'group') return one(job.concurrencyKey)
  if (key === 'worker') return one(job.workerId)
  if (key !== 'args' && key !== 'meta') return []
  let value: unknown = job[key]
  for (const step of path) value = isPlainObject(value) ? value[step] : undefined
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  return one(value)
}

/** The paths to values of `args` or `meta`, and in how many jobs each is; the most frequent first. */
function fieldsOf(
  jobs: readonly QueuedJob[],
  root: 'args' | 'meta',
  masked: readonly string[],
): readonly (readonly [string, number])[] {
  const counted = new Map<string, number>()
  const walk = (value: unknown, path: readonly string[]): void => {
    if (path.length > 0 && isMasked([root, ...path], masked)) return
    if (isPlainObject(value) && path.length < MAX_DEPTH) {
      for (const [name, inner] of Object.entries(value))
        if (BARE.test(name)) walk(inner, [...path, name])
    } else if (path.length > 0 && !Array.isArray(value)) {
      const field = path.join('.')
      counted.set(field, (counted.get(field) ?? 0) + 1)
    }
  }
  for (const job of jobs) walk(job[root], [])
  return [...counted].sort(([, a], [, b]) => b - a)
}
