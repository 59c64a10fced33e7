import { checkInteger, checkOneOf, checkOptions } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { printFilter } from '../../core/filter/filter-print.ts'
import type { JobFilter } from '../../core/filter/job-filter.ts'
import { queuedJob } from '../../database/rows.ts'
import { countFound, type FoundRow, findJobs } from '../../database/statements/find-jobs.ts'
import type { QueuedJobRow } from '../../database/statements/queued-jobs.ts'
import type { StatementRunner } from '../statement-runner.ts'
import {
  type AskedOptions,
  askedFilter,
  checkFilterOptions,
  FILTER_OPTIONS,
} from './asked-filter.ts'
import { choosePath, orderOf } from './choose-path.ts'
import { type Conditions, compileFilter } from './compile-filter.ts'
import { bindingOf, cursorOf, type Place, placeOf, timeOf } from './cursor.ts'
import { likeOfGlob } from './name-patterns.ts'
import type {
  FilterGiven,
  FilterOptions,
  FindOptions,
  FindOrder,
  FoundJob,
  FoundJobs,
  JobCount,
} from './search-options.ts'

interface Reads {
  readonly statements: StatementRunner
  readonly clock: Clock
}

const OPTIONS = [...FILTER_OPTIONS, 'order', 'limit', 'cursor', 'maxPartBytes']
const ORDERS: readonly FindOrder[] = ['newest', 'ended', 'line', 'due']
const LIMIT = 50
const MAX_LIMIT = 1_000
/** As large as PostgreSQL makes a value. */
const ANY_SIZE = 1_073_741_824
/** Jobs are counted to this. */
const MAX_COUNT = 10_000

/** @throws {ChancyError} `FILTER_INVALID`, `CURSOR_INVALID` @throws {ConfigError} */
export async function findPage(
  { statements, clock }: Reads,
  given: FilterGiven,
  options: FindOptions,
): Promise<FoundJobs> {
  const checked = checkOptions(options, OPTIONS, 'findJobs') as FindOptions
  const asked = checkFilterOptions(checked, 'findJobs')
  const filter = askedFilter(given, asked.scope)
  const limit = checkInteger(checked.limit ?? LIMIT, 'findJobs: limit', { min: 1, max: MAX_LIMIT })
  const maxPartBytes = checkInteger(checked.maxPartBytes ?? ANY_SIZE, 'findJobs: maxPartBytes', {
    min: 0,
    max: ANY_SIZE,
  })
  const conditions = conditionsOf(filter, asked, clock)
  const order =
    checked.order === undefined
      ? orderOf(conditions)
      : checkOneOf(checked.order, ORDERS, 'findJobs: order')
  const binding = bindingOf([printFilter(filter), order, asked.scope.queues ?? null])
  const place = checked.cursor == null ? null : placeOf(checked.cursor, binding)
  const query = choosePath(conditions, order)
  if (query === null) return { items: [], next: null, complete: true, reached: null }
  const rows = await statements.read(findJobs, [
    JSON.stringify(query),
    place === null ? null : JSON.stringify(place),
    // One more says whether there is a next page.
    limit + 1,
    asked.searchMs,
    maxPartBytes,
  ])
  return pageOf(rows, limit, binding)
}

/** @throws {ChancyError} `FILTER_INVALID` @throws {ConfigError} */
export async function countFiltered(
  { statements, clock }: Reads,
  given: FilterGiven,
  options: FilterOptions,
): Promise<JobCount> {
  const checked = checkOptions(options, FILTER_OPTIONS, 'countJobs') as FilterOptions
  const asked = checkFilterOptions(checked, 'countJobs')
  const conditions = conditionsOf(askedFilter(given, asked.scope), asked, clock)
  const query = choosePath(conditions, orderOf(conditions))
  if (query === null) return { jobs: 0, more: false, reached: null }
  const values = [JSON.stringify(query), null, MAX_COUNT + 1, asked.searchMs] as const
  const [row] = await statements.read(countFound, values)
  const jobs = row?.jobs ?? 0
  const more = jobs > MAX_COUNT || row?.stopped === true
  const place = row?.place ?? null
  return {
    jobs: Math.min(jobs, MAX_COUNT),
    more,
    reached: more && place !== null ? timeOf(JSON.parse(place) as Place) : null,
  }
}

function conditionsOf(filter: JobFilter, asked: AskedOptions, clock: Clock): Conditions {
  const { timeZone, scope } = asked
  const conditions = compileFilter(filter, { now: clock.now(), timeZone })
  if (scope.queues === undefined) return conditions
  if (scope.queues.length === 0) return { ...conditions, isEmpty: true }
  return { ...conditions, seen_queues: scope.queues.map(likeOfGlob) }
}

function pageOf(rows: readonly FoundRow[], limit: number, binding: string): FoundJobs {
  const last = rows.at(-1)
  const isStopped = last !== undefined && last.id === null
  const found = isStopped ? rows.slice(0, -1) : rows
  const shown = found.slice(0, limit)
  const end = found.length > limit ? shown.at(-1) : isStopped ? last : undefined
  const place = end === undefined ? null : (JSON.parse(end.place) as Place)
  return {
    items: shown.flatMap((row) => (row.id === null ? [] : [foundJob(row, row.sizes)])),
    next: place === null ? null : cursorOf(place, binding),
    complete: found.length > limit || !isStopped,
    reached: place === null ? null : timeOf(place),
  }
}

function foundJob(row: QueuedJobRow, sizes: string | null): FoundJob {
  const job = queuedJob(row)
  const omitted = Object.entries(JSON.parse(sizes ?? '{}') as Record<string, number | null>).filter(
    ([part, size]) => size !== null && row[part as 'args'] === null,
  )
  return omitted.length === 0 ? job : { ...job, omitted: Object.fromEntries(omitted) }
}
