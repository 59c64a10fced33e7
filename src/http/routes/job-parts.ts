import type { JobPart } from '../../app/search/search-options.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import type { Call } from '../call.ts'
import { textResponse } from '../headers.ts'
import type { MaskedPart } from '../masks.ts'
import { type Route, route } from '../route.ts'
import { json } from '../schema.ts'
import { errorJson } from './job-json.ts'

const PARTS: readonly JobPart[] = ['args', 'result', 'meta', 'progress', 'errors']

/** One part of a job, whole, as PostgreSQL has it. */
export const jobPartRoutes: readonly Route[] = PARTS.map((part) =>
  route({
    method: 'GET',
    path: `/jobs/:id/${part}`,
    verb: 'jobs.view',
    about: 'job',
    summary: `the ${part} of a job, whole`,
    answer: json(),
    work: async (call) => {
      const text = await partText(call, call.job, part)
      return textResponse(call.request, {
        status: 200,
        type: 'application/json',
        text,
        headers: {},
      })
    },
  }),
)

async function partText({ reads, permit }: Call, job: QueuedJob, part: JobPart): Promise<string> {
  if (part === 'errors')
    return JSON.stringify(job.errors.map((error) => errorJson(error, permit.masks)))
  const text = await reads.getJobPart(job.id, part)
  return permit.masks.json(part as MaskedPart, text ?? 'null')
}
