import { checkInteger, checkOneOf, checkOptions, checkText } from '../../core/check.ts'
import { checkJobName, checkQueueName, MAX_NAME_BYTES } from '../../core/job-name.ts'
import { JOB_STATES, type JobState } from '../../core/queued-job.ts'
import { idOf, type JobId } from '../../core/reference.ts'
import { listJobs, listWaiting, type QueuedJobRow } from '../../database/statements/queued-jobs.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** Which jobs `listJobs` returns: those that fit all that is given. */
export interface ListOptions {
  /** The name of their queue. Default: all. */
  readonly queue?: string | undefined
  /** Their state. Default: all. */
  readonly state?: JobState | undefined
  /** The name of their function. Default: all. */
  readonly name?: string | undefined
  /** Durable jobs that wait for a signal of this name. Default: all jobs. */
  readonly waitsFor?: { readonly signal: string } | undefined
  /** The last reference of the page before. Default: the first page. */
  readonly after?: JobId | undefined
  /** 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined
}

const NAMES = ['queue', 'state', 'name', 'waitsFor', 'after', 'limit']

/** Reads a page of jobs. @throws {ConfigError} */
export async function readPage(
  statements: StatementRunner,
  options?: ListOptions,
): Promise<QueuedJobRow[]> {
  const given = checkOptions(options, NAMES, 'listJobs') as ListOptions
  const state =
    given.state === undefined ? null : checkOneOf(given.state, JOB_STATES, 'listJobs: state')
  const queue = given.queue === undefined ? null : checkQueueName(given.queue, 'listJobs: queue')
  const name = given.name === undefined ? null : checkJobName(given.name, 'listJobs: name')
  const after = given.after === undefined ? null : idOf(given.after)
  const limit = checkInteger(given.limit ?? 100, 'listJobs: limit', { min: 1, max: 1_000 })
  if (given.waitsFor === undefined)
    return statements.read(listJobs, [queue, state, name, after, limit])
  const { signal } = checkOptions(given.waitsFor, ['signal'], 'listJobs: waitsFor')
  const rule = { what: 'listJobs: waitsFor.signal', maxBytes: MAX_NAME_BYTES }
  const awaited = checkText(signal, rule)
  // A job that waits without a slot is pending.
  if (state !== null && state !== 'pending') return []
  return statements.read(listWaiting, [awaited, queue, name, after, limit])
}
