import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { hasPath } from '../../core/filter/filter-key.ts'
import { filterOf } from '../../core/filter/filter-print.ts'
import { readFilter } from '../../core/filter/filter-text.ts'
import type { JobFilter } from '../../core/filter/job-filter.ts'
import { isMasked } from '../../core/filter/masked-path.ts'
import { filterError } from '../../core/filter/mistake.ts'
import { isTimeZone } from '../../core/filter/time-text.ts'
import type { FilterOptions, JobScope } from './search-options.ts'

/** How long a search takes, in milliseconds, unless an option says otherwise. */
const SEARCH_MS = 150
const MAX_SEARCH_MS = 10_000

export const FILTER_OPTIONS: readonly string[] = ['timeZone', 'scope', 'searchMs']

/** Options of every call that takes a filter, checked. */
export interface AskedOptions {
  readonly timeZone: string
  readonly scope: JobScope
  readonly searchMs: number
}

/** @throws {ConfigError} */
export function checkFilterOptions(given: FilterOptions, what: string): AskedOptions {
  const timeZone = given.timeZone ?? 'UTC'
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) {
    throw new ConfigError(
      `${what}: timeZone: expected the name of a zone, such as "Europe/Berlin", got ${inspect(timeZone)}.`,
    )
  }
  const scope = checkOptions(given.scope, ['queues', 'masked'], `${what}: scope`) as JobScope
  checkPatterns(scope.queues, `${what}: scope.queues`)
  checkPatterns(scope.masked, `${what}: scope.masked`)
  const rule = { min: 1, max: MAX_SEARCH_MS }
  const searchMs = checkInteger(given.searchMs ?? SEARCH_MS, `${what}: searchMs`, rule)
  return { timeZone, scope, searchMs }
}

function checkPatterns(given: unknown, what: string): void {
  const isFine = Array.isArray(given) && given.every((one) => typeof one === 'string' && one !== '')
  if (given === undefined || isFine) return
  throw new ConfigError(`${what}: expected a list of patterns, got ${inspect(given)}.`)
}

/**
 * The filter of a call, of which no term names what is masked: it would be repeated until its answers reveal it.
 *
 * @throws {ChancyError} `FILTER_INVALID`
 */
export function askedFilter(given: unknown, { masked = [] }: JobScope): JobFilter {
  const filter = filterOf(given)
  if (masked.length === 0) return filter
  for (const [n, term] of filter.terms.entries()) {
    const isHidden = term.key === 'schedule' ? ['meta', 'cron', 'key'] : pathOf(term)
    if (isHidden === null || !isMasked(isHidden, masked)) continue
    const place = typeof given === 'string' ? (readFilter(given).terms[n] ?? null) : null
    throw filterError(`${isHidden.join('.')} is masked, and no filter may name it.`, place)
  }
  return filter
}

function pathOf(term: JobFilter['terms'][number]): readonly string[] | null {
  return hasPath(term.key) && 'path' in term ? [term.key, ...term.path] : null
}
