import { ChancyError } from '../../core/errors.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import { actionOf, type Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { instant, integer, json, nullable, object, optional, text } from '../schema.ts'
import { verdictShape } from '../shapes/job.ts'
import { verdictOf } from './job-actions.ts'
import { versionOf } from './job-routes.ts'

const reason = optional(text({ maxBytes: 1_000 }))

/** What changes a job that waits, or removes one that has finished. */
export const jobEditRoutes: readonly Route[] = [
  route({
    method: 'PATCH',
    path: '/jobs/:id',
    verb: 'jobs.edit',
    about: 'job',
    summary: 'changes a job that waits; If-Match with its ETag is required',
    body: object({
      priority: optional(integer()),
      queue: optional(text({ maxBytes: 200 })),
      scheduledAt: optional(nullable(instant())),
      maxAttempts: optional(integer({ min: 1 })),
      args: optional(json()),
      meta: optional(json()),
      reason,
    }),
    answer: verdictShape,
    work: async (call) => {
      const { reason: why, ...change } = call.body
      checkTarget(call, change.queue)
      checkMasked(call, change)
      const ifMatch = ifMatchOf(call)
      const by = actionOf(call, why)
      await call.chancy.editJob(call.job.id, change as object, { ifMatch, ...by })
      return verdictOf(call, call.job.id, 'edited')
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/run-now',
    verb: 'jobs.edit',
    about: 'job',
    summary: 'lets a job that waits for its time wait no longer',
    body: object({ reason }),
    answer: verdictShape,
    work: async (call) => {
      await call.chancy.runNow(call.job.id, actionOf(call, call.body.reason))
      return verdictOf(call, call.job.id, 'moved')
    },
  }),
  route({
    method: 'DELETE',
    path: '/jobs/:id',
    verb: 'jobs.delete',
    about: 'job',
    summary: 'deletes a job that has finished',
    query: { reason: text({ maxBytes: 1_000 }) },
    answer: verdictShape,
    work: async (call) => {
      await call.chancy.deleteJob(call.job.id, actionOf(call, call.query.reason))
      return { verdict: 'deleted' as const, job: null }
    },
  }),
]

/** A job is not moved where the access does not see it. @throws {ChancyError} `ACCESS_DENIED` */
function checkTarget({ permit }: Call, queue: string | undefined): void {
  if (queue === undefined || permit.scope.sees(queue)) return
  throw new ChancyError(
    'ACCESS_DENIED',
    'This access does not see the queue that the job is to move to.',
    {
      details: { verb: 'jobs.edit' },
    },
  )
}

/** What is masked would be replaced by its placeholder. @throws {ChancyError} `ACCESS_DENIED` */
function checkMasked(
  { permit, job }: Call,
  change: { readonly args?: unknown; readonly meta?: unknown },
): void {
  for (const part of ['args', 'meta'] as const) {
    if (change[part] === undefined) continue
    const stored = JSON.stringify(job?.[part] ?? {})
    const isWhole = isPlainObject(change[part]) && permit.masks.json(part, stored) === stored
    if (isWhole || !permit.masks.masks(part)) continue
    throw new ChancyError(
      'ACCESS_DENIED',
      `The ${part} of this job hold what this access does not see, so they cannot be edited.`,
      { details: { verb: 'jobs.edit', part } },
    )
  }
}

/** The version of the job in `If-Match`. @throws {ChancyError} `PRECONDITION_NEEDED` */
function ifMatchOf({ request }: Call): string {
  const tag = request.headers.get('if-match')
  const version = tag === null ? null : versionOf(tag)
  if (version !== null) return version
  if (tag !== null)
    throw new ChancyError(
      'CHANGED_MEANWHILE',
      'If-Match is not the ETag of this job. Read it again.',
    )
  throw new ChancyError(
    'PRECONDITION_NEEDED',
    'An edit needs If-Match, with the ETag of GET /jobs/{id}, so that it changes only what was seen.',
  )
}
