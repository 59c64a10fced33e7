import type { BulkPreview, BulkVerb } from '../../core/bulk-action.ts'
import { JOB_STATES, type JobState, type QueuedJob } from '../../core/queued-job.ts'
import type { JobSearch } from '../search/job-search.ts'
import { globFits } from '../search/name-patterns.ts'
import type { CheckedRequest } from './bulk-request.ts'

const SAMPLES = 5
const WAITS: readonly JobState[] = ['pending', 'retrying']
const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled']

/** What becomes of a job in a state; null: it is skipped. */
function whatOf(action: BulkVerb, state: JobState): string | null {
  if (action === 'cancel') {
    if (state === 'running') return 'asked to stop'
    return WAITS.includes(state) ? 'cancelled' : null
  }
  if (action === 'retry') return state === 'failed' || state === 'cancelled' ? 'retried' : null
  if (action === 'delete') return ENDED.includes(state) ? 'deleted' : null
  return WAITS.includes(state) ? EDITED[action] : null
}

const EDITED = {
  'run-now': 'run now, where they wait for a time',
  reprioritise: 'get the priority',
  move: 'moved, to the end of the queue',
} as const

const FOR_AN_HOUR = 'For an hour it can be undone, for each job that has not'
/** What can be taken back, a sentence. */
const UNDO: Readonly<Record<BulkVerb, string>> = {
  delete: 'It can be undone until it begins, after its undo window.',
  cancel: `${FOR_AN_HOUR} changed since, was waiting, and is no part of a workflow or a batch.`,
  retry: `${FOR_AN_HOUR} started since and is no part of a workflow or a batch.`,
  'run-now': `${FOR_AN_HOUR} started or changed since.`,
  reprioritise: `${FOR_AN_HOUR} started or changed since.`,
  move: `${FOR_AN_HOUR} started or changed since.`,
}

interface PreviewOptions {
  readonly request: CheckedRequest
  /** As frozen. Null: ids. */
  readonly filter: string | null
  readonly rate: number
  readonly search: JobSearch
  readonly getJobs: (ids: readonly string[]) => Promise<QueuedJob[]>
}

/** Counts within bounds what an action would do. */
export async function previewOf(parts: PreviewOptions): Promise<BulkPreview> {
  const { request, filter, rate } = parts
  const { action } = request
  const { states, hasMore, samples } = await (filter === null
    ? ofIds(parts)
    : ofFilter(parts, filter))
  const jobs = Object.values(states).reduce((sum, count) => sum + count, 0)
  const shown = JOB_STATES.filter((state) => (states[state] ?? 0) > 0).map((state) => {
    const what = whatOf(action, state)
    const isSkipped = what === null
    return { state, jobs: states[state] ?? 0, what: what ?? `skipped: ${state}`, isSkipped }
  })
  return {
    ...{ action, filter, jobs, hasMore, samples, canUndo: true },
    states: shown,
    takesMs: Math.ceil((jobs / rate) * 1_000),
    undo: UNDO[action],
  }
}

interface Counted {
  readonly states: Readonly<Partial<Record<JobState, number>>>
  readonly hasMore: boolean
  readonly samples: readonly QueuedJob[]
}

async function ofIds({ request, getJobs }: PreviewOptions): Promise<Counted> {
  const found = await getJobs(request.ids ?? [])
  const { queues } = request
  const jobs = found.filter(
    ({ queue }) => queues === null || queues.some((one) => globFits(one, queue)),
  )
  const states: Partial<Record<JobState, number>> = {}
  for (const { state } of jobs) states[state] = (states[state] ?? 0) + 1
  return { states, hasMore: false, samples: jobs.slice(0, SAMPLES) }
}

/** Each state by its own count, since a count to a bound says nothing of the states behind it. */
async function ofFilter({ request, search }: PreviewOptions, filter: string): Promise<Counted> {
  const scope = request.queues === null ? {} : { scope: { queues: request.queues } }
  const states: Partial<Record<JobState, number>> = {}
  let hasMore = false
  for (const state of JOB_STATES) {
    const { jobs, more } = await search.count(`${filter} state:${state}`, scope)
    if (jobs > 0) states[state] = jobs
    hasMore ||= more
  }
  const { items } = await search.find(filter, { order: 'newest', limit: SAMPLES, ...scope })
  return { states, hasMore, samples: items }
}
