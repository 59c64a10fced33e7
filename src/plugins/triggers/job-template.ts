import { ConfigError } from '../../core/errors.ts'
import { JOB_SPEC, type Pushable, toJob } from '../../core/job.ts'
import { NO_DATA } from '../../core/job-options.ts'
import { pushRow } from '../../core/push-row.ts'
import { type StoredJob, storedJobOf } from '../../core/stored-job.ts'

/**
 * A job as `push_stored_1` takes it, without its arguments, which each row has of its own. Nothing checks those
 * against a schema before they run: an attempt does.
 *
 * @throws {ConfigError} when it is no job, or its arguments would decide its group
 */
export async function jobTemplate(
  key: string,
  given: unknown,
  now: number,
): Promise<Omit<StoredJob, 'args'>> {
  const spec = toJob(given as Pushable<unknown, unknown>)[JOB_SPEC]
  if (spec.concurrency?.key !== undefined) {
    throw new ConfigError(
      `addTrigger: job: the concurrency limit of "${spec.name}" is by its arguments, which are known only where the row is changed. Limit the name as a whole, or let the job push another one.`,
    )
  }
  const row = await pushRow(
    {
      [JOB_SPEC]: {
        ...spec,
        args: NO_DATA,
        meta: { ...spec.meta, triggers: { key } },
        terms: spec.terms === null ? null : { ...spec.terms, schema: null },
      },
    },
    now,
  )
  const { args: _, ...template } = storedJobOf(row)
  return template
}
