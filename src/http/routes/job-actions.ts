import { actionOf, type Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { object, optional, text } from '../schema.ts'
import { verdictShape, type WireJobVerdict } from '../shapes/job.ts'
import { jobJson } from './job-json.ts'

const reasonShape = object({ reason: optional(text({ maxBytes: 1_000 })) })

/** What changes one job. */
export const jobActionRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/jobs/:id/cancel',
    verb: 'jobs.cancel',
    about: 'job',
    summary: 'cancels a job: a waiting one immediately, a running one by its signal',
    body: reasonShape,
    answer: verdictShape,
    work: async (call) => {
      const verdict = await call.chancy.cancel(call.job.id, actionOf(call, call.body.reason))
      return verdictOf(call, call.job.id, verdict === 'unknown' ? 'finished' : verdict)
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/retry',
    verb: 'jobs.retry',
    about: 'job',
    summary: 'puts a failed or cancelled job back to waiting',
    body: reasonShape,
    answer: verdictShape,
    work: async (call) => {
      await call.chancy.retry(call.job.id, actionOf(call, call.body.reason))
      return verdictOf(call, call.job.id, 'retried')
    },
  }),
]

/** What became of a job, and the job as it is then. */
export async function verdictOf(
  { chancy, permit, settings }: Call,
  id: string,
  verdict: WireJobVerdict['verdict'],
): Promise<WireJobVerdict> {
  const job = await chancy.getJob(id)
  return { verdict, job: job === null ? null : jobJson(job, permit.masks, settings.links) }
}
