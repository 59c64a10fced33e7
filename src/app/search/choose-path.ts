import { ConfigError } from '../../core/errors.ts'
import { FINISHED_STATES, type JobState } from '../../core/queued-job.ts'
import type { Conditions } from './compile-filter.ts'
import { lowestIdAt } from './id-ranges.ts'
import type { JobQuery, PathName } from './job-query.ts'
import type { FindOrder } from './search-options.ts'

const UNUSUAL: readonly JobState[] = ['failed', 'cancelled']
const WAITING: readonly JobState[] = ['pending', 'retrying']
/** An id is made before its row is written, and by another clock: this much earlier, or later. */
const ID_SLACK_MS = 600_000

/** The order of a page where none was asked for. */
export function orderOf({ left }: Conditions): FindOrder {
  return left.length > 0 && within(left, UNUSUAL) ? 'ended' : 'newest'
}

/**
 * What `find_jobs` is asked for: the index that it reads is that of the most selective term which has one. Null: no
 * job can fit.
 *
 * @throws {ConfigError} when the filter does not go with the order
 */
export function choosePath(conditions: Conditions, order: FindOrder): JobQuery | null {
  const { left, isEmpty, ...fields } = conditions
  const states = left.filter((state) => statesOf(order).includes(state))
  if (order === 'line' && fields.queues?.length !== 1)
    throw new ConfigError(
      'findJobs: order: "line" needs a filter with one queue, such as queue:mail.',
    )
  if (isEmpty || states.length === 0) return null
  const live = states.some((state) => !isFinishedState(state))
  const history = states.some(isFinishedState)
  const query = {
    ...fields,
    ...(states.length === 6 ? {} : { states }),
    ...bounds(fields),
    ...(fields.queues?.length === 1 ? { of_queue: fields.queues[0]! } : {}),
    live,
    history,
    is_running:
      order === 'newest' &&
      fields.known === undefined &&
      states.length === 1 &&
      states[0] === 'running',
  }
  const { path, ...found } = pathOf(query, order)
  const { of_name, known, ...others } = query
  const named = path === 'name' && of_name !== undefined ? { of_name } : {}
  return { ...others, ...named, ...idsFor(path, known), ...found, path }
}

/** One path goes by the ids of a filter. On the others they are a condition. */
function idsFor(path: PathName, known: readonly string[] | undefined): Partial<JobQuery> {
  if (known === undefined) return {}
  return path === 'ids' ? { known } : { id_lows: known, id_highs: known }
}

function statesOf(order: FindOrder): readonly JobState[] {
  if (order === 'newest') return [...WAITING, 'running', ...FINISHED_STATES]
  return order === 'ended' ? UNUSUAL : WAITING
}

type Unrouted = Omit<JobQuery, 'path'>

function pathOf(
  query: Unrouted,
  order: FindOrder,
): { readonly path: PathName } & Partial<
  Pick<JobQuery, 'of_workers' | 'of_uniques' | 'of_workflows'>
> {
  if (order !== 'newest') return { path: order }
  const { known, is_running: isRunning, live, history, workers, uniques, workflows } = query
  if (known !== undefined || isRunning) return { path: 'ids' }
  if (workflows !== undefined) return { path: 'ids', of_workflows: workflows }
  if (uniques !== undefined && live) return { path: history ? 'walk' : 'ids', of_uniques: uniques }
  if (workers !== undefined && live) return { path: 'walk', of_workers: workers }
  // The index of a queue has all days, that of a name those that are over.
  if (query.of_queue !== undefined) return { path: 'walk' }
  if (!history) return { path: 'walk' }
  if (query.of_name !== undefined) return { path: 'name' }
  return { path: query.has_value ? 'args' : 'walk' }
}

/** The id carries the time of its creation, and a partition has a day of ends. */
function bounds(fields: Omit<Conditions, 'left' | 'isEmpty'>): Partial<JobQuery> {
  const [from, to] = ends(fields.created)
  const [since, until] = fields.finished_null === true ? [null, null] : ends(fields.finished)
  const lows = [fields.low, from === null ? undefined : lowestIdAt(from - ID_SLACK_MS)]
  const highs = [fields.high, to === null ? undefined : lowestIdAt(to + ID_SLACK_MS)]
  const low = lows
    .filter((one) => one !== undefined)
    .sort()
    .at(-1)
  const high = highs.filter((one) => one !== undefined).sort()[0]
  return {
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until }),
  }
}

/** The first and the last bound of ranges; null where there is none. */
function ends(bounds: readonly number[] | undefined): [number | null, number | null] {
  const [first] = bounds ?? []
  if (bounds === undefined || first === undefined) return [null, null]
  const isOpen = bounds.length % 2 === 1
  return [first === -Number.MAX_VALUE ? null : first, isOpen ? null : bounds.at(-1)!]
}

function isFinishedState(state: JobState): boolean {
  return (FINISHED_STATES as readonly JobState[]).includes(state)
}

function within(states: readonly JobState[], all: readonly JobState[]): boolean {
  return states.every((state) => all.includes(state))
}
