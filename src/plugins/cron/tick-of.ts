import { isPlainObject } from '../../core/plain-object.ts'

/** Anything with the metadata of a job: the context of a job function, or a job. */
interface WithJob {
  readonly job: { readonly meta: Readonly<Record<string, unknown>> }
}

/**
 * The tick that a job was pushed for, or null: it was pushed otherwise, by `runNow` too. `meta.cron` of the job has
 * the key of the schedule besides.
 */
export function tickOf({ job }: WithJob): Date | null {
  const { cron } = job.meta
  if (!isPlainObject(cron) || typeof cron.tick !== 'string') return null
  const tick = new Date(cron.tick)
  return Number.isNaN(tick.getTime()) ? null : tick
}
