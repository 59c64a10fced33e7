import type { Backoff, BackoffFunction, BackoffOptions } from './backoff.ts'
import { brandClass } from './brand.ts'
import { checkOptions, inspect } from './check.ts'
import type { WANTED } from './dead-letter.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import type { Concurrency } from './group-key.ts'
import { checkQueueName } from './job-name.ts'
import {
  type ConcurrencyKey,
  checkBackoff,
  checkConcurrency,
  checkMaxAttempts,
  checkPriority,
  checkRecord,
  checkRetention,
  checkScheduledAt,
  checkUniqueKey,
  type JobSpec,
  type NamedOptions,
  type Overrides,
  parseNamedOptions,
} from './job-options.ts'
import type { Given } from './job-types.ts'
import { checkLimits, type Limit } from './limit.ts'
import { checkWhenTaken, type WhenTaken } from './when-taken.ts'

declare const RESULT: unique symbol

/** Where a `Job` keeps what it is made of; the same symbol in every copy of the package. */
export const JOB_SPEC: unique symbol = Symbol.for('chancy.job')

/** Mark a job function and what `defineJob()` made; the same symbols in every copy of the package. */
export const DEFINITION: unique symbol = Symbol.for('chancy.definition')
export const DEFINED: unique symbol = Symbol.for('chancy.defined')

/** The result type of a job. */
export type ResultIn<J> = J extends { readonly [RESULT]?: infer R } ? Exclude<R, undefined> : never
// biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
type AnyJob = Job<any, any, any>
/** The arguments that a job's function asks for. */
// biome-ignore lint/suspicious/noExplicitAny: the two others do not matter here
export type ArgsOf<J> = J extends Job<any, infer A, any> ? A : never

/** Only a job whose arguments are whole can be pushed: arguments given = arguments asked for. */
export type Pushable<R, A> = Job<R, A, A> | { readonly job: Job<R, A, A> }

/** The same for jobs of different types in one list: each is checked by itself. */
export type EachPushable<T> = T extends Pushable<infer _R, infer _A> ? T : never
/** The result type of a job or of a job function. */
export type ResultOfPushable<T> = T extends Pushable<infer R, infer _A> ? R : never

/**
 * An immutable description of work that is not in the database yet. Each `with…` gives a new one.
 *
 * Three types: the result, the arguments that the function asks for, and the arguments given.
 */
export class Job<out R, A, G = A> {
  readonly name: string
  readonly queue: string
  readonly priority: number
  /** In force for this job; null when only the worker's definition knows. */
  readonly maxAttempts: number | null
  readonly args: G
  /** From `withDelay`: the database adds it to its own clock at the push. */
  readonly delayMs: number | null
  readonly uniqueKey: string | null
  readonly concurrency: Concurrency | null
  readonly meta: Readonly<Record<string, unknown>>
  /** @internal */
  readonly [JOB_SPEC]: JobSpec
  /** For the compiler only. */
  declare readonly [RESULT]?: R
  /** For the compiler only: both ways, so that nothing but the same arguments will do. */
  declare readonly [WANTED]?: (args: A) => A

  /** @internal Use `job()`, `defineJob()` or `Job.named()`. */
  constructor(spec: JobSpec) {
    this.name = spec.name
    this.queue = spec.queue
    this.priority = spec.priority
    this.maxAttempts = spec.maxAttempts
    this.args = spec.args as G
    this.delayMs = spec.delayMs
    this.uniqueKey = spec.uniqueKey
    this.concurrency = spec.concurrency
    this.meta = spec.meta
    this[JOB_SPEC] = spec
    Object.freeze(this)
  }

  /**
   * A job by the name of its function, so that a producer needs no worker code.
   * `Job.named<typeof greet>('greet', { args })` types it by a type import.
   *
   * `maxAttempts`, backoff, limits and retention are what the worker's definition says unless given
   * here. The database needs the others at the push: without them the queue is `'default'`, the priority
   * 0, and there is no concurrency limit. `defineJob()` gives a producer all of them.
   *
   * @throws {ConfigError}
   */
  static named(name: string, options?: NamedOptions<object, object>): Job<unknown, object, object>
  static named<T extends { readonly job: AnyJob }>(
    name: string,
    options: NamedOptions<ArgsOf<T['job']>, Given<ArgsOf<T['job']>>> & {
      readonly args: Given<ArgsOf<T['job']>>
    },
  ): Job<ResultIn<T['job']>, ArgsOf<T['job']>>
  static named(name: string, options?: unknown): unknown {
    return new Job(parseNamedOptions(name, options))
  }

  /** When it may run at the earliest, or null. */
  get scheduledAt(): Date | null {
    const ms = this[JOB_SPEC].scheduledAtMs
    return ms === null ? null : new Date(ms)
  }

  /** In force for this job; null when only the worker's definition knows. */
  get limits(): readonly Limit[] | null {
    const { overrides, terms } = this[JOB_SPEC]
    return overrides.limits ?? terms?.limits ?? null
  }

  /** In force for this job; null when only the worker's definition knows. */
  get backoff(): Backoff | BackoffFunction | null {
    const { overrides, terms } = this[JOB_SPEC]
    return overrides.backoff ?? terms?.backoff ?? null
  }

  /** In force for this job; null when only the worker's definition knows. */
  get retentionMs(): number | null {
    const { overrides, terms } = this[JOB_SPEC]
    return overrides.retentionMs ?? terms?.retentionMs ?? null
  }

  /** Replaces all arguments. */
  withArgs(args: Given<A>): Job<R, A, A> {
    return new Job({ ...this[JOB_SPEC], args: checkRecord(args, this.#option('args')) })
  }

  /** The queue to push to; 1 to 200 bytes. @throws {ConfigError} */
  withQueue(queue: string): Job<R, A, G> {
    return this.#with({ queue: checkQueueName(queue, this.#option('queue')) })
  }

  /** Higher runs sooner. */
  withPriority(priority: number): Job<R, A, G> {
    return this.#with({ priority: checkPriority(priority, this.#what) })
  }

  /** How many attempts there are in all: 1 to 1,000,000. @throws {ConfigError} */
  withMaxAttempts(maxAttempts: number): Job<R, A, G> {
    return this.#with({ maxAttempts: checkMaxAttempts(maxAttempts, this.#what) })
  }

  /** Not before this time. Replaces a delay. */
  withScheduledAt(scheduledAt: Date): Job<R, A, G> {
    return this.#with({ scheduledAtMs: checkScheduledAt(scheduledAt, this.#what), delayMs: null })
  }

  /** Not before this long after the push, by the database's clock. Replaces a scheduled time. */
  withDelay(delay: Duration): Job<R, A, G> {
    return this.#with({ delayMs: durationMs(delay, this.#option('delay')), scheduledAtMs: null })
  }

  /**
   * Replaces all limits: `[]` is none but those of the worker's definition. A worker lets them lower
   * what its definition says, and never lift it.
   */
  withLimits(limits: readonly Limit[]): Job<R, A, G> {
    return this.#override({ limits: checkLimits(limits, this.#option('limits')) })
  }

  /**
   * At most one job with this key waits or runs. 1 to 1,000 bytes.
   *
   * @param options.whenTaken What a push does when another job has the key. Default: what the options of the job
   *   say, else `'keep'`.
   * @throws {ConfigError}
   */
  withUniqueKey(uniqueKey: string, options?: { readonly whenTaken?: WhenTaken }): Job<R, A, G> {
    const key = checkUniqueKey(uniqueKey, this.#what)
    const { whenTaken } = checkOptions(options, ['whenTaken'], this.#option('uniqueKey'))
    if (whenTaken === undefined) return this.#with({ uniqueKey: key })
    return this.#with({ uniqueKey: key, whenTaken: checkWhenTaken(whenTaken, this.#what) })
  }

  /**
   * At most `max` jobs of a group run concurrently, across all workers.
   *
   * @param key The name of an argument, or a function of all of them that runs at the push. Default:
   *   all jobs of this name are one group.
   */
  withConcurrency(max: number, key?: ConcurrencyKey<A>): Job<R, A, G> {
    if (this[JOB_SPEC].terms?.chunk != null) {
      throw new ConfigError(
        `${this.#what}: concurrency: jobs that run in chunks have no such limit.`,
      )
    }
    return this.#with({ concurrency: checkConcurrency({ max, key }, this.#what) })
  }

  /** Replaces all of it. JSON of at most 64 KiB. */
  withMeta(meta: Readonly<Record<string, unknown>>): Job<R, A, G> {
    return this.#with({ meta: checkRecord(meta, this.#option('meta')) })
  }

  /** Data only: a function stands in the options of `job()`. */
  withBackoff(backoff: BackoffOptions): Job<R, A, G> {
    return this.#override({ backoff: checkBackoff(backoff, this.#what) })
  }

  /** How long the finished job is kept, at least 10 minutes. */
  withRetention(retention: Duration): Job<R, A, G> {
    return this.#override({ retentionMs: checkRetention(retention, this.#what) })
  }

  get #what(): string {
    return `Job "${this.name}"`
  }

  #option(name: string): string {
    return `${this.#what}: ${name}`
  }

  #with(changed: Partial<JobSpec>): Job<R, A, G> {
    return new Job({ ...this[JOB_SPEC], ...changed })
  }

  #override(changed: Partial<Overrides>): Job<R, A, G> {
    return this.#with({ overrides: { ...this[JOB_SPEC].overrides, ...changed } })
  }
}

brandClass(Job, 'Job')

/** Says whether a value is a `Job`, also of another copy of the package. */
export function isJob(value: unknown): value is Job<unknown, unknown, unknown> {
  return typeof value === 'object' && value !== null && JOB_SPEC in value
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
 * The job of a job function or of a defined job, or the job itself.
 *
 * @throws {ConfigError} when it is none of them
 */
export function toJob<R, A>(value: Pushable<R, A>): Job<R, A, A> {
  if (isJob(value)) return value as Job<R, A, A>
  if (isJobFunction(value) || isDefinedJob(value)) return value.job as Job<R, A, A>
  throw new ConfigError(`Expected a job or a job function, got ${inspect(value)}.${hintFor(value)}`)
}

function hintFor(value: unknown): string {
  if (typeof value === 'function') return ' Make it a job first: job({ name: … }, fn).'
  if (typeof value !== 'string') return ''
  return ` By its name alone, a job is pushed as Job.named(${inspect(value)}, { args: { … } }).`
}
