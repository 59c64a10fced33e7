import { ConfigError } from '../../core/errors.ts'
import { filterOf, printFilter } from '../../core/filter/filter-print.ts'
import { type Bounds, type FilterTerm, MAX_TERMS } from '../../core/filter/job-filter.ts'
import { spanMs } from '../../core/filter/time-text.ts'

/** Keys of which one bounds what an action touches. */
const BOUNDING: readonly string[] = ['state', 'queue', 'name', 'failure', 'group', 'id']
const TIMES: readonly string[] = ['created', 'scheduled', 'started', 'finished']

/**
 * A filter whose relative times are dates, and whose jobs were created by now: what comes later does not fit.
 *
 * @throws {ConfigError} when nothing bounds it, unless `everything`
 */
export function frozenFilter(text: string, nowMs: number, everything: boolean): string {
  const { terms } = filterOf(text)
  const isBounded = terms.some((term) => term.not !== true && BOUNDING.includes(term.key))
  if (!isBounded && !everything) {
    throw new ConfigError(
      'bulk: the filter names no state, queue, name, failure or group, so it may fit every job. Add one, or give everything: true.',
    )
  }
  // Its time of creation and a state are added.
  if (terms.length > MAX_TERMS - 2) {
    throw new ConfigError(
      `bulk: expected a filter of at most ${MAX_TERMS - 2} terms, got ${terms.length}.`,
    )
  }
  const created: FilterTerm = { key: 'created', values: [{ lte: iso(nowMs) }] }
  return printFilter({ terms: [...terms.map((term) => frozen(term, nowMs)), created] })
}

function frozen(term: FilterTerm, nowMs: number): FilterTerm {
  if (!TIMES.includes(term.key)) return term
  // Durations of `scheduled` count forward.
  const sign = term.key === 'scheduled' ? 1 : -1
  const values = (term.values as readonly Bounds<string>[]).map((bounds) =>
    Object.fromEntries(
      Object.entries(bounds).map(([side, text]) => {
        const span = text === undefined ? null : spanMs(text)
        return [side, span === null ? text : iso(nowMs + sign * span)]
      }),
    ),
  )
  return { ...term, values } as FilterTerm
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
