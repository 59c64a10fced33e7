import { inspect } from './check.ts'
import type { ChunkItem } from './chunk.ts'
import { type Context, detachedContext } from './context.ts'
import { deadLetterTemplate } from './dead-letter-template.ts'
import type { JobDefinition } from './definition.ts'
import { detachedDurable } from './durable/detached-durable.ts'
import type { DurableContext } from './durable/durable-context.ts'
import { ConfigError } from './errors.ts'
import { DEFINED, DEFINITION, isDefinedJob, isJobFunction, JOB_SPEC, Job } from './job.ts'
import {
  type ChunkJobOptions,
  type DurableJobOptions,
  type JobOptions,
  parseJobOptions,
} from './job-options.ts'
import type { CallOf, Fits, Given, Missing, NoArgs, ResultOf, Settled } from './job-types.ts'
import type { InferInput, InferOutput, StandardSchemaV1 } from './standard-schema.ts'

declare const TYPES: unique symbol

/** A function that is also a job: called directly it is an ordinary function. */
export interface JobFunction<A, R, G, P extends readonly unknown[]> {
  (...args: P): R
  readonly job: Job<ResultOf<R>, A, Settled<A, G>>
}

/** What one job of a chunk gives: an element of what its function returns. */
export type ItemResult<R> = Awaited<R> extends readonly (infer E)[] ? E : null

/** A function that runs jobs together, and is also the job of each. */
export interface ChunkFunction<A, R, G, O = A> {
  (items: readonly ChunkItem<O>[], context?: Context): R
  readonly job: Job<ResultOf<ItemResult<R>>, A, Settled<A, G>>
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

/** A durable job without its code: its function gets a `DurableContext`. */
export interface DefinedDurableJob<A, R, G = NoArgs<A>, O = A> extends DefinedJob<A, R, G, O> {
  readonly isDurable: true
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
  options: DurableJobOptions<InferInput<S>, G> & { readonly schema: S },
): DefinedDurableJob<InferInput<S>, R, G, InferOutput<S>>
export function defineJob<
  // biome-ignore lint/complexity/noBannedTypes: a job without arguments asks for nothing
  A = {},
  R = unknown,
  G extends Partial<Given<A>> | Missing = NoArgs<A>,
>(
  options: DurableJobOptions<A, G> & { readonly schema?: undefined } & Fits<A>,
): DefinedDurableJob<A, R, G>
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
  const spec = parseJobOptions(options, 'defineJob()', deadLetterTemplate)
  const { isDurable } = spec.terms
  const defined = { job: new Job(spec), [DEFINED]: true }
  return Object.freeze(isDurable ? { ...defined, isDurable } : defined)
}

/**
 * Makes a job of a function. The result is called like the function, and its `job` is a frozen
 * `Job` to push or to vary.
 *
 * @param options What the job is, or what `defineJob()` made of it.
 * @param fn Gets the arguments and the context of the attempt; called directly, a detached one.
 * @throws {ConfigError} when an option is wrong
 */
export function job<
  // biome-ignore lint/complexity/noBannedTypes: a function without parameters asks for nothing
  A = {},
  R = unknown,
  const G extends Partial<Given<A>> | Missing = NoArgs<A>,
>(
  options: DurableJobOptions<A, G> & { readonly schema?: undefined },
  fn: ((args: A, context: DurableContext<A>) => R) & Fits<A>,
): JobFunction<A, R, G, CallOf<A, DurableContext<A>>>
export function job<S extends StandardSchemaV1, R, const G = NoArgs<InferInput<S>>>(
  options: DurableJobOptions<InferInput<S>, G> & { readonly schema: S },
  fn: (args: InferOutput<S>, context: DurableContext<InferInput<S>>) => R,
): JobFunction<InferInput<S>, R, G, [args: InferOutput<S>, context?: DurableContext<InferInput<S>>]>
export function job<A, R, G, O, X extends R | Promise<R>>(
  defined: DefinedDurableJob<A, R, G, O>,
  fn: (args: O, context: DurableContext<A>) => X,
): JobFunction<A, X, G, CallOf<O, DurableContext<A>>>
export function job<
  // biome-ignore lint/complexity/noBannedTypes: a function without parameters asks for nothing
  A = {},
  R = unknown,
  const G extends Partial<Given<A>> | Missing = NoArgs<A>,
>(
  options: ChunkJobOptions<A, G> & { readonly schema?: undefined },
  fn: ((items: readonly ChunkItem<A>[], context: Context) => R) & Fits<A>,
): ChunkFunction<A, R, G>
export function job<S extends StandardSchemaV1, R, const G = NoArgs<InferInput<S>>>(
  options: ChunkJobOptions<InferInput<S>, G> & { readonly schema: S },
  fn: (items: readonly ChunkItem<InferOutput<S>>[], context: Context) => R,
): ChunkFunction<InferInput<S>, R, G, InferOutput<S>>
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
    throw new ConfigError(`job(): expected a function as the second argument, got ${inspect(fn)}.`)
  }
  const made = isDefinedJob(options)
    ? options.job
    : new Job(parseJobOptions(options, 'job()', deadLetterTemplate))
  const { name, terms } = made[JOB_SPEC]
  const detached = terms?.isDurable === true ? detachedDurable : detachedContext
  const call = (args: unknown = {}, context: Context = detached(name, args)): unknown =>
    fn(args, context)
  Object.defineProperty(call, 'name', { value: fn.name || name, configurable: true })
  Object.defineProperty(call, 'job', { value: made, enumerable: true })
  Object.defineProperty(call, DEFINITION, { value: Object.freeze({ ...terms, fn }) })
  return call
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
  throw new ConfigError(`Expected a function made by job(), got ${inspect(value)}.`)
}
