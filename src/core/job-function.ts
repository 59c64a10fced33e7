import { show } from './check.ts'
import { type Context, detachedContext } from './context.ts'
import type { JobDefinition } from './definition.ts'
import { ConfigError } from './errors.ts'
import { isJob, Job, type Whole } from './job.ts'
import { type JobOptions, parseJobOptions } from './job-options.ts'
import type { CallOf, Fits, Given, Missing, NoArgs, ResultOf, Settled } from './job-types.ts'
import type { InferInput, InferOutput, StandardSchemaV1 } from './standard-schema.ts'

const DEFINITION = Symbol.for('chancy.definition')

/** A function that is also a job: called directly it is an ordinary function. */
export interface JobFunction<A, R, G, P extends readonly unknown[]> {
  (...args: P): R
  readonly job: Job<ResultOf<R>, A, Settled<A, G>>
}

/**
 * Makes a job of a function. The result is called like the function, and its `job` is a frozen
 * `Job` to push or to vary.
 *
 * @param fn Gets the arguments and the context of the attempt; called directly, a detached one.
 * @throws {ConfigError} when an option is wrong
 */
export function job<S extends StandardSchemaV1, R, const G = NoArgs<InferInput<S>>>(
  options: JobOptions<InferInput<S>, G> & { readonly schema: S },
  fn: (args: InferOutput<S>, context: Context) => R,
): JobFunction<InferInput<S>, R, G, [args: InferOutput<S>, context?: Context]>
export function job<
  // biome-ignore lint/complexity/noBannedTypes: a function without parameters asks for nothing
  A = {},
  R = unknown,
  const G extends Partial<Given<A>> | Missing = NoArgs<A>,
>(
  options: JobOptions<A, G> & { readonly schema?: undefined },
  fn: ((args: A, context: Context) => R) & Fits<A>,
): JobFunction<A, R, G, CallOf<A, Context>>
export function job(options: unknown, fn: unknown): unknown {
  if (typeof fn !== 'function') {
    throw new ConfigError(`job(): expected a function as the second argument, got ${show(fn)}.`)
  }
  const spec = parseJobOptions(options, fn as JobDefinition['fn'])
  const { name } = spec
  const call = (args: unknown = {}, context: Context = detachedContext(name, args)): unknown =>
    fn(args, context)
  Object.defineProperty(call, 'name', { value: fn.name || name, configurable: true })
  Object.defineProperty(call, 'job', { value: new Job(spec), enumerable: true })
  Object.defineProperty(call, DEFINITION, { value: spec.definition })
  return call
}

/** Any job function, whatever its types. */
export interface AnyJobFunction {
  // biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
  readonly job: Job<any, any, any>
}

/** Says whether a value was made by `job()`, also by that of another copy of the package. */
export function isJobFunction(value: unknown): value is AnyJobFunction {
  return typeof value === 'function' && DEFINITION in value
}

/**
 * What a worker has to know of a job function.
 *
 * @throws {ConfigError} when it was not made by `job()`
 */
export function definitionOf(value: unknown): JobDefinition {
  if (isJobFunction(value)) {
    return (value as unknown as Record<typeof DEFINITION, JobDefinition>)[DEFINITION]!
  }
  throw new ConfigError(`Expected a function made by job(), got ${show(value)}.`)
}

/**
 * The job of a job function, or the job itself.
 *
 * @throws {ConfigError} when it is neither
 */
export function toJob<R, A>(value: Whole<R, A>): Job<R, A, A> {
  if (isJob(value)) return value as Job<R, A, A>
  if (isJobFunction(value)) return value.job as Job<R, A, A>
  const hint = typeof value === 'function' ? ' Make it a job first: job({ name: … }, fn).' : ''
  throw new ConfigError(`Expected a job or a job function, got ${show(value)}.${hint}`)
}
