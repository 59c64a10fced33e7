import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { isDefinedJob, isJob, isJobFunction } from '../core/job.ts'
import type { Job, JobState, QueuedJob } from '../index.ts'

// biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
type AnyJob = Job<any, any, any>

/** A job function, what `defineJob()` made, a job, or the name of one. */
export type JobLike = AnyJob | { readonly job: AnyJob } | string

// biome-ignore lint/suspicious/noExplicitAny: the other types of the job do not matter here
type ArgsIn<J> = J extends Job<any, infer A, any> ? A : unknown
// biome-ignore lint/suspicious/noExplicitAny: the other types of the job do not matter here
type ResultIn<J> = J extends Job<infer R, any, any> ? R : unknown

/** The arguments of a job, as they are stored. */
export type ArgsOf<F> = F extends { readonly job: infer J } ? ArgsIn<J> : ArgsIn<F>
/** What a job returns, as it is stored. */
export type ResultOf<F> = F extends { readonly job: infer J } ? ResultIn<J> : ResultIn<F>

/** A pushed job with the types of its function. */
export type Pushed<F, S extends JobState = JobState> = QueuedJob<ArgsOf<F>, ResultOf<F>, S>

/** @throws {ConfigError} when it is no job */
export function nameOf(fn: JobLike, call: string): string {
  if (typeof fn === 'string' && fn !== '') return fn
  if (isJob(fn)) return fn.name
  if (isJobFunction(fn) || isDefinedJob(fn)) return (fn.job as AnyJob).name
  throw new ConfigError(
    `${call}: expected a job function, what defineJob() made, or the name of a job, got ${inspect(fn)}.`,
  )
}
