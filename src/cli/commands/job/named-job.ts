import { type Chancy, Job } from '../../../index.ts'
import { jobFunctions } from '../../repl/job-functions.ts'

/** What the options of a push say of the job. */
export interface JobOptions {
  readonly name: string
  readonly queue?: string
  readonly priority?: number
  readonly maxAttempts?: number
  readonly uniqueKey?: string
  readonly at?: Date
  /** In milliseconds. */
  readonly delay?: number
  readonly meta?: Readonly<Record<string, unknown>>
}

type NamedJob = Job<unknown, object, object>

/**
 * The job of this name: as the application defines it where it has its function, and otherwise with nothing but
 * its name.
 *
 * @throws {ConfigError} for a name that a job cannot have
 */
export async function jobOf(chancy: Chancy, name: string): Promise<NamedJob> {
  const own = (await jobFunctions(chancy.internals.jobs)).get(name)
  return own === undefined ? Job.named(name) : (own.job as unknown as NamedJob)
}

/** @throws {ConfigError} for a value that a job cannot have */
export function namedJob(
  defined: NamedJob,
  given: JobOptions,
  args: Readonly<Record<string, unknown>>,
) {
  const { queue, priority, maxAttempts, uniqueKey, at, delay, meta } = given
  let job = defined.withArgs(args)
  if (queue !== undefined) job = job.withQueue(queue)
  if (priority !== undefined) job = job.withPriority(priority)
  if (maxAttempts !== undefined) job = job.withMaxAttempts(maxAttempts)
  if (uniqueKey !== undefined) job = job.withUniqueKey(uniqueKey)
  if (at !== undefined) job = job.withScheduledAt(at)
  if (delay !== undefined) job = job.withDelay(delay)
  return meta === undefined ? job : job.withMeta(meta)
}
