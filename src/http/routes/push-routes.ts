import { ChancyError, isChancyError } from '../../core/errors.ts'
import { Job } from '../../core/job.ts'
import { JOB_STATES } from '../../core/queued-job.ts'
import { linesOf } from '../body.ts'
import type { Call } from '../call.ts'
import { Reply, type Route, route } from '../route.ts'
import { type Infer, integer, list, oneOf } from '../schema.ts'
import { jobShape } from '../shapes/job.ts'
import { pushedBatchShape, pushedShape, pushLineShape, pushShape } from '../shapes/push.ts'
import { jobJson } from './job-json.ts'
import { wholeJob } from './job-routes.ts'

const MAX_WAIT_MS = 55_000
const DEFAULT_WAIT_MS = 25_000
const waitMs = integer({ min: 0, max: MAX_WAIT_MS })

/** What waits for a job. */
export const waitRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/jobs/:id/wait',
    verb: 'jobs.view',
    about: 'job',
    summary:
      'the job when it has ended, or is in one of the states; 202 with the present one otherwise',
    query: { timeoutMs: waitMs, states: list(oneOf(JOB_STATES)) },
    takesTime: true,
    answer: jobShape,
    statuses: [200, 202],
    work: async (call) => {
      const { timeoutMs = DEFAULT_WAIT_MS, states } = call.query
      const { id } = call.job
      const found = await waited(call, id, timeoutMs, states)
      if (found !== null) return wholeJob(call, found)
      const present = await call.read(() => call.reads.getJob(id))
      if (present === null) throw new ChancyError('JOB_NOT_FOUND', `No job has the id ${id}.`)
      return new Reply(wholeJob(call, present).value, { status: 202 })
    },
  }),
]

/** What pushes jobs: there are such routes only with the option `push`. */
export const pushRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/jobs',
    verb: 'jobs.push',
    summary: 'pushes a job; waitMs waits for its end',
    query: { waitMs },
    body: pushShape,
    takesTime: true,
    answer: pushedShape,
    statuses: [201, 200],
    work: async (call) => {
      const { id: given, ...fields } = call.body
      const options = given === undefined ? {} : { id: given }
      const { id, created } = await call.chancy.push(jobOf(call, fields), options)
      const wait = call.query.waitMs
      const found = wait === undefined ? null : await waited(call, id, wait, undefined)
      const job = found === null ? null : jobJson(found, call.permit.masks, call.settings.links)
      const headers = { location: `jobs/${id}` }
      return new Reply({ id, created, job }, { status: created ? 201 : 200, headers })
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/batch',
    verb: 'jobs.push',
    summary: 'pushes a job a line of NDJSON, all of them or none',
    answer: pushedBatchShape,
    statuses: [201],
    work: async (call) => {
      const { batchBytes, ids } = call.settings.limits
      const lines = await linesOf(call.request, { maxBytes: batchBytes, maxLines: ids })
      const jobs = lines.map((line, at) => jobOf(call, pushLineShape.check(line, `line ${at + 1}`)))
      const pushed = await call.chancy.pushMany(jobs)
      const items = pushed.map(({ id, created }) => ({ id, created }))
      return new Reply({ items }, { status: 201 })
    },
  }),
]

/** Null: it has not come to that in time. */
async function waited(
  call: Call,
  id: string,
  timeout: number,
  states: readonly (typeof JOB_STATES)[number][] | undefined,
) {
  try {
    return await call.chancy.waitForJob(id, {
      timeout,
      signal: call.signal,
      ...(states !== undefined && { states }),
    })
  } catch (error) {
    if (isChancyError(error) && error.code === 'WAIT_TIMED_OUT') return null
    throw error
  }
}

/** @throws {ChancyError} `ACCESS_DENIED` for a name or a queue that may not be pushed */
function jobOf({ permit, settings }: Call, given: Infer<typeof pushLineShape>) {
  const { name, queue = 'default', args, delayMs, ...rest } = given
  const isNamed = settings.push?.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
  )
  if (
    isNamed !== true ||
    !permit.scope.sees(queue) ||
    !permit.allows('jobs.push', { queue, name })
  ) {
    throw new ChancyError(
      'ACCESS_DENIED',
      'This access may not push a job of this name to this queue.',
      { details: { verb: 'jobs.push' } },
    )
  }
  const job = Job.named(name, {
    ...rest,
    queue,
    ...(args !== undefined && { args: args as object }),
  } as object)
  return delayMs === undefined ? job : job.withDelay(delayMs)
}
