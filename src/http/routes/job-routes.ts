import { jobVersion } from '../../core/job-version.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import type { Call } from '../call.ts'
import { hashOf } from '../headers.ts'
import { Reply, type Route, route } from '../route.ts'
import { integer, oneOf, text } from '../schema.ts'
import { explanationShape } from '../shapes/explanation.ts'
import {
  jobCountShape,
  jobPageShape,
  jobShape,
  suggestionsShape,
  type WireJob,
  type WireJobRow,
} from '../shapes/job.ts'
import type { WirePage } from '../shapes/page.ts'
import { explanationJson } from './explanation-json.ts'
import { filterOptions, filterQuery, filterText } from './filter-query.ts'
import { jobJson, jobRowJson } from './job-json.ts'
import { limitOf, pageQuery } from './query.ts'

const ORDERS = ['newest', 'ended', 'line', 'due'] as const
/** A part of a job of a list that is larger is not read. */
const LISTED_BYTES = 16_384

/** What reads jobs. */
export const jobRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/jobs',
    verb: 'jobs.view',
    summary: 'a page of jobs that fit a filter',
    query: { ...filterQuery, ...pageQuery, order: oneOf(ORDERS) },
    answer: jobPageShape,
    work: (call) => readJobs(call, filterText(call.query), call.query),
  }),
  route({
    method: 'GET',
    path: '/jobs/count',
    verb: 'jobs.view',
    summary: 'how many jobs fit a filter, counted to 10,000',
    query: filterQuery,
    answer: jobCountShape,
    work: async (call) => {
      const found = await call.reads.countJobs(filterText(call.query), filterOptions(call))
      return { jobs: found.jobs, more: found.more, reached: found.reached?.toISOString() ?? null }
    },
  }),
  route({
    method: 'GET',
    path: '/jobs/suggest',
    verb: 'jobs.view',
    summary: 'what may stand at a place in the text of a filter',
    query: { q: text({ maxBytes: 6_000, allowEmpty: true }), at: integer({ min: 0 }) },
    answer: suggestionsShape,
    work: async (call) => {
      const { q = '', at } = call.query
      const found = await call.reads.suggestFilter(q, at, filterOptions(call))
      return { items: found.suggestions, mistakes: found.mistakes }
    },
  }),
  route({
    method: 'GET',
    path: '/jobs/:id',
    verb: 'jobs.view',
    about: 'job',
    summary: 'one job, each of its parts cut to 16 KiB',
    answer: jobShape,
    work: async (call) => wholeJob(call, call.job),
  }),
  route({
    method: 'GET',
    path: '/jobs/:id/explain',
    verb: 'jobs.view',
    about: 'job',
    summary: 'why a job is not running',
    answer: explanationShape,
    work: async ({ reads, job }) => explanationJson(await reads.explain(job.id)),
  }),
]

/** A page of jobs that fit a filter. */
export async function readJobs(
  call: Call,
  filter: string,
  query: {
    readonly order?: (typeof ORDERS)[number]
    readonly limit?: number
    readonly cursor?: string
  },
): Promise<WirePage<WireJobRow>> {
  const found = await call.reads.findJobs(filter, {
    ...filterOptions(call),
    order: query.order,
    limit: limitOf(call, query.limit),
    cursor: query.cursor,
    maxPartBytes: LISTED_BYTES,
  })
  return {
    items: found.items.map((job) => jobRowJson(job, call.permit.masks)),
    next: found.next,
    complete: found.complete,
    reached: found.reached?.toISOString() ?? null,
  }
}

/** A job with the tag that an edit of it names in `If-Match`. */
export function wholeJob({ permit, settings }: Call, job: QueuedJob): Reply<WireJob> {
  const value = jobJson(job, permit.masks, settings.links)
  const etag = `"${jobVersion(job)}-${hashOf(JSON.stringify(value))}"`
  return new Reply(value, { headers: { etag } })
}

/** The version of a job in a tag of `wholeJob`, or null. */
export function versionOf(tag: string): string | null {
  return /^"([0-9a-f]{32})-[\w-]{22}"$/.exec(tag)?.[1] ?? null
}
