import { checkInteger, checkOneOf, checkOptions } from '../core/check.ts'
import { checkJobName, checkQueueName } from '../core/job-name.ts'
import { JOB_STATES, type JobState } from '../core/queued-job.ts'
import type { ListValues } from '../database/statements/queued-jobs.ts'
import { idOf, type JobId } from './job-id.ts'

export interface ListOptions {
  readonly queue?: string | undefined
  readonly state?: JobState | undefined
  readonly name?: string | undefined
  /** The last reference of the page before. Default: the first page. */
  readonly after?: JobId | undefined
  /** 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined
}

const NAMES = ['queue', 'state', 'name', 'after', 'limit']

/** Checks what a user gave. */
export function listValues(options?: ListOptions): ListValues {
  const given = checkOptions(options, NAMES, 'listJobs') as ListOptions
  const { queue, state, name, after, limit } = given
  return [
    queue === undefined ? null : checkQueueName(queue, 'listJobs: queue'),
    state === undefined ? null : checkOneOf(state, JOB_STATES, 'listJobs: state'),
    name === undefined ? null : checkJobName(name, 'listJobs: name'),
    after === undefined ? null : idOf(after),
    checkInteger(limit ?? 100, 'listJobs: limit', { min: 1, max: 1_000 }),
  ]
}
