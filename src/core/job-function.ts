import { show } from './check.ts'
import { type Context, detachedContext } from './context.ts'
import type { JobDefinition } from './definition.ts'
import { ConfigError } from './errors.ts'
import { isJob, JOB_SPEC, Job, type Whole } from './job.ts'
import { type JobOptions, parseJobOptions } from './job-options.ts'
import type { CallOf, Fits, Given, Missing, NoArgs, ResultOf, Settled } from './job-types.ts'
import type { InferInput, InferOutput, StandardSchemaV1 } from './standard-schema.ts'

const DEFINITION = Symbol.for('chancy.definition')
const DEFINED = Symbol.for('chancy.defined')
declare const TYPES: unique symbol

/** A function that is also a job: called directly it is an ordinary function. */
export interface JobFunction<A, R, G, P extends readonly unknown[]> {
  (...args: P): R
  readonly job: Job<ResultOf<R>, A, Settled<A, G>>
}

/**
 * What a job is, without its code: a producer pushes it, a worker implements it by `job(defined, fn)`.
 *
 * Its types: the arguments of a push, the result, the arguments that its options give, and the
 * arguments that the function gets, which a schema may change.
 */
export interface DefinedJob<A, R, G = NoArgs<A>, O = A> {
  readonly job: Job<ResultOf<R>, A, Settled<A, G>>
  /** For the compiler only. */
  readonly [TYPES]?: { readonly args: A; readonly result: R; readonly given: G; readonly output: O }
}

/**
 * Defines a job for a module that producers and workers both import, so that a producer loads no code of
 * a worker and its jobs still have the queue, attempts, priority and limits of the definition.
 *
 * ```ts
 * export const sendMail = defineJob<{ to: string }>({ name: 'send-mail', maxAttempts: 5 })
 * ```
 *
 * The types are the arguments, then the result (default: `unknown`), then the arguments that the
 * option `args` gives. With the option `schema`, its type stands in the place of the arguments.
 *
 * @throws {ConfigError} when an option is wrong
 */
export function defineJob<S extends StandardSchemaV1, R = unknown, G = NoArgs<InferInput<S>>>(
  options: JobOptions<InferInput<S>, G> & { readonly schema: S },
): DefinedJob<InferInput<S>, R, G, InferOutput<S>>
export function defineJob<
  // biome-ignore lint/complexity/noBannedTypes: a job without arguments asks for nothing
  A = {},
  R = unknown,
  G extends Partial<Given<A>> | Missing = NoArgs<A>,
>(options: JobOptions<A, G> & { readonly schema?: undefined } & Fits<A>): DefinedJob<A, R, G>
export function defineJob(options: unknown): unknown {
  return Object.freeze({ job: new Job(parseJobOptions(options, 'defineJob()')), [DEFINED]: true })
}

/**
 * Makes a job of a function. The result is called like the function, and its `job` is a frozen
 * `Job` to push or to vary.
 *
 * @param options What the job is, or what `defineJob()` made of it.
 * @param fn Gets the arguments and the context of the attempt; called directly, a detached one.
 * @throws {ConfigError} when an option is wrong
 */
export function job<A, R, G, O, X extends R | Promise<R>>(
  defined: DefinedJob<A, R, G, O>,
  fn: (args: O, context: Context) => X,
): JobFunction<A, X, G, CallOf<O, Context>>
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
  const made = isDefinedJob(options) ? options.job : new Job(parseJobOptions(options, 'job()'))
  const { name, terms } = made[JOB_SPEC]
  const call = (args: unknown = {}, context: Context = detachedContext(name, args)): unknown =>
    fn(args, context)
  Object.defineProperty(call, 'name', { value: fn.name || name, configurable: true })
  Object.defineProperty(call, 'job', { value: made, enumerable: true })
  Object.defineProperty(call, DEFINITION, { value: Object.freeze({ ...terms, fn }) })
  return call
}

/** What `defineJob()` made, whatever its types. */
export interface AnyDefinedJob {
  // biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
  readonly job: Job<any, any, any>
}

/** Says whether a value was made by `defineJob()`, also by that of another copy of the package. */
export function isDefinedJob(value: unknown): value is AnyDefinedJob {
  return typeof value === 'object' && value !== null && DEFINED in value
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
 * The job of a job function or of a defined job, or the job itself.
 *
 * @throws {ConfigError} when it is none of them
 */
export function toJob<R, A>(value: Whole<R, A>): Job<R, A, A> {
  if (isJob(value)) return value as Job<R, A, A>
  if (isJobFunction(value) || isDefinedJob(value)) return value.job as Job<R, A, A>
  throw new ConfigError(`Expected a job or a job function, got ${show(value)}.${hintFor(value)}`)
}

function hintFor(value: unknown): string {
  if (typeof value === 'function') return ' Make it a job first: job({ name: … }, fn).'
  if (typeof value !== 'string') return ''
  return ` By its name alone, a job is pushed as Job.named(${show(value)}, { args: { … } }).`
}
