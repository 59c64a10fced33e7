import { Option } from 'commander'
import { systemClock } from '../../../core/clock.ts'
import type {
  Chancy,
  FilterTerm,
  FindOrder,
  FoundJob,
  FoundJobs,
  JobFilter,
} from '../../../index.ts'
import { parseFilter } from '../../../index.ts'

/** How long a list searches for its jobs, in steps. */
const SEARCH_MS = 5_000

export const filterOption = (): Option =>
  new Option('--where <filter>', 'that fit a filter, such as "state:failed queue:mail created:<2h"')

/** Options that are terms of a filter of their own. */
export interface FilterParts {
  readonly where?: string | undefined
  readonly queue?: string | undefined
  readonly state?: string | undefined
  readonly name?: string | undefined
}

/** The filter of `--where`, and of the other options. @throws {ChancyError} `FILTER_INVALID` */
export function filterOfOptions({ where = '', queue, state, name }: FilterParts): JobFilter {
  const more = Object.entries({ queue, state, name }).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, values: [value] } as FilterTerm],
  )
  return { terms: [...parseFilter(where).terms, ...more] }
}

/** Days are those of this machine. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

export interface SearchOptions {
  readonly order?: FindOrder
  readonly limit: number
  readonly cursor?: string
}

/** A page of jobs. What no index answers is searched step by step, for five seconds at most. */
export async function searchedJobs(
  chancy: Chancy,
  filter: JobFilter,
  { order, limit, cursor }: SearchOptions,
): Promise<FoundJobs> {
  const until = systemClock.now() + SEARCH_MS
  const items: FoundJob[] = []
  let page: FoundJobs = { items, next: cursor ?? null, complete: false, reached: null }
  do {
    page = await chancy.findJobs(filter, {
      ...{ order, timeZone: ownZone(), limit: limit - items.length, cursor: page.next },
    })
    items.push(...page.items)
  } while (
    !page.complete &&
    page.next !== null &&
    items.length < limit &&
    systemClock.now() < until
  )
  return { ...page, items }
}

/** What is said beside a page that is not the last one, or null. */
export function restInWords({ next, complete, reached }: FoundJobs): string | null {
  if (next === null) return null
  const far =
    complete || reached === null ? 'There are more' : `Searched back to ${reached.toISOString()}`
  return `${far}; continue with --cursor ${next}`
}
