import type { Backoff, BackoffFunction, BackoffOptions } from './backoff.ts'
import { DEFAULT_BACKOFF, parseBackoff } from './backoff.ts'
import { checkInteger, checkOptions, checkText, inspect } from './check.ts'
import { type ChunkOptions, type ChunkRule, checkChunk } from './chunk.ts'
import type { DeadLetterJob, JobTemplate } from './dead-letter.ts'
import {
  DEFAULT_MAX_ATTEMPTS,
  DEFAULT_RETENTION_MS,
  type JobTerms,
  MIN_RETENTION_MS,
} from './definition.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import type { Concurrency } from './group-key.ts'
import { checkJobName, checkQueueName, MAX_KEY_BYTES } from './job-name.ts'
import type { Key } from './job-types.ts'
import { checkLimits, type Limit } from './limit.ts'
import { isPlainObject } from './plain-object.ts'
import { DEFAULT_QUEUE } from './queue.ts'
import { checkSchema } from './standard-schema.ts'
import { checkWhenTaken, type TakenRule, type WhenTaken } from './when-taken.ts'

/** A key by one argument, or computed at the push from all of them. */
export type ConcurrencyKey<A> = Key<A> | ((args: A) => string | number)

/** What `job()`, `defineJob()` and `Job.named()` take alike. */
export interface PushOptions<A, G> {
  /** Default: `'default'`. */
  readonly queue?: string
  /** Higher runs sooner. A whole number of 32 bits. Default: 0. */
  readonly priority?: number
  /** 1 to 1,000,000. Default: 1; for `Job.named`, the worker's definition. */
  readonly maxAttempts?: number
  /** Default: `{}`. */
  readonly args?: G
  /** Not before this time. Default: none. */
  readonly scheduledAt?: Date
  /** At most one of each kind. Default: `[]`; for `Job.named`, the worker's definition. */
  readonly limits?: readonly Limit[]
  /** At most one job with this key waits or runs; 1 to 1,000 bytes. Default: none. */
  readonly uniqueKey?: string
  /** What a push does whose unique key is taken; also for a key of `withUniqueKey`. Default: `'keep'`. */
  readonly whenTaken?: WhenTaken
  /** At most `max` jobs of a group run concurrently, across all workers. Default: none. */
  readonly concurrency?: { readonly max: number; readonly key?: ConcurrencyKey<A> }
  /** JSON of at most 64 KiB that travels with the job. Default: `{}`. */
  readonly meta?: Readonly<Record<string, unknown>>
  /** How long the finished job is kept, at least 10 minutes. Default: `'7d'`; for `Job.named`, the worker's definition. */
  readonly retention?: Duration
}

/** Options of `job()` and `defineJob()`. */
export interface JobOptions<A, G> extends PushOptions<A, G> {
  /** What the database stores; unique among the functions of a worker. 1 to 200 bytes, no `:`. */
  readonly name: string
  /** Default: `{ base: '1s', factor: 2, max: '5m', jitter: 0.2 }`. A function runs on the worker. */
  readonly backoff?: BackoffOptions | BackoffFunction
  /** Pushed, with a `DeadLetter` as its arguments, when one of these jobs finally fails. Default: none. */
  readonly deadLetter?: DeadLetterJob<A>
}

/** Options of a durable job. */
export interface DurableJobOptions<A, G> extends JobOptions<A, G> {
  /** What the context gives is recorded, and the function continues from it after a wait or a crash. */
  readonly durable: true
  /** How long all of it may take from the push, its waits included. Default: no limit. */
  readonly deadline?: Duration
}

/** Options of a job whose jobs run together. */
export interface ChunkJobOptions<A, G> extends Omit<JobOptions<A, G>, 'concurrency'> {
  readonly chunk: ChunkOptions<A>
}

/** Options of `Job.named()`. */
export interface NamedOptions<A, G> extends PushOptions<A, G> {
  /** Default: what the worker's definition says. */
  readonly backoff?: BackoffOptions
}

/** What was set for this one job and is written to its row. Null: the worker's definition decides. */
export interface Overrides {
  readonly limits: readonly Limit[] | null
  readonly backoff: Backoff | null
  readonly retentionMs: number | null
}

/** Everything a `Job` is made of. */
export interface JobSpec {
  readonly name: string
  readonly queue: string
  readonly priority: number
  /** Null: the worker's definition decides. */
  readonly maxAttempts: number | null
  readonly args: Readonly<Record<string, unknown>>
  readonly scheduledAtMs: number | null
  readonly delayMs: number | null
  readonly uniqueKey: string | null
  /** What a push does when the key is taken; null: the job that has it stays as it is. */
  readonly whenTaken: TakenRule | null
  readonly concurrency: Concurrency | null
  readonly meta: Readonly<Record<string, unknown>>
  readonly overrides: Overrides
  /** What is pushed when it finally fails. */
  readonly deadLetter: JobTemplate | null
  /** Null for a job that is known by its name only. */
  readonly terms: JobTerms | null
}

const PUSH_OPTIONS = [
  'queue',
  'priority',
  'maxAttempts',
  'args',
  'scheduledAt',
  'limits',
  'uniqueKey',
  'whenTaken',
  'concurrency',
  'meta',
  'backoff',
  'retention',
]
const JOB_OPTIONS = [
  'name',
  ...PUSH_OPTIONS,
  'schema',
  'deadLetter',
  'durable',
  'deadline',
  'chunk',
]
const NO_OVERRIDES: Overrides = Object.freeze({ limits: null, backoff: null, retentionMs: null })
/** Arguments or meta of a job that was given none. */
export const NO_DATA: Readonly<Record<string, unknown>> = Object.freeze({})

/**
 * The terms and the job that the options of `maker`, `job()` or `defineJob()`, describe. `templateOf` makes the
 * template of a dead letter.
 */
export function parseJobOptions(
  value: unknown,
  maker: string,
  templateOf: (of: string, deadLetter: unknown) => JobTemplate,
): JobSpec & { readonly terms: JobTerms } {
  const name = checkJobName(
    checkOptions(value ?? {}, JOB_OPTIONS, maker).name,
    `${maker}: the option "name"`,
  )
  const what = `Job "${name}"`
  const given = checkOptions(value, JOB_OPTIONS, what)
  const options = parsePushOptions(given, name, what)
  const maxAttempts = options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS
  const terms: JobTerms = Object.freeze({
    name,
    queue: options.queue,
    maxAttempts,
    isLimited: options.concurrency !== null,
    schema: given.schema === undefined ? null : checkSchema(given.schema, `${what}: schema`),
    limits: checkLimits(given.limits ?? [], `${what}: limits`),
    backoff: parseAnyBackoff(given.backoff, `${what}: backoff`),
    retentionMs: checkRetention(given.retention ?? DEFAULT_RETENTION_MS, what),
    ...durableTerms(given, what),
    chunk: chunkRule(given, what),
  })
  const deadLetter = given.deadLetter === undefined ? null : templateOf(name, given.deadLetter)
  return { ...options, maxAttempts, overrides: NO_OVERRIDES, deadLetter, terms }
}

function chunkRule(
  { chunk, durable, concurrency }: Readonly<Record<string, unknown>>,
  what: string,
): ChunkRule | null {
  if (chunk === undefined) return null
  const rule = checkChunk(chunk, what)
  if (durable === true)
    throw new ConfigError(`${what}: chunk: a durable job runs alone. Leave out one of the two.`)
  if (concurrency != null)
    throw new ConfigError(
      `${what}: chunk: jobs with a concurrency limit do not run together. Leave out one of the two.`,
    )
  return rule
}

function durableTerms(
  { durable = false, deadline }: Readonly<Record<string, unknown>>,
  what: string,
): Pick<JobTerms, 'isDurable' | 'deadlineMs'> {
  if (typeof durable !== 'boolean')
    throw new ConfigError(`${what}: durable: expected true or false, got ${inspect(durable)}.`)
  if (deadline === undefined) return { isDurable: durable, deadlineMs: null }
  if (!durable)
    throw new ConfigError(
      `${what}: deadline: only a durable job has one. Use Limit.time(), or durable: true.`,
    )
  const deadlineMs = durationMs(deadline, `${what}: deadline`)
  if (deadlineMs > 0) return { isDurable: true, deadlineMs }
  throw new ConfigError(`${what}: deadline: expected at least 1ms, got ${inspect(deadline)}.`)
}

/** The job that `Job.named(name, options)` describes: what is given overrides the definition. */
export function parseNamedOptions(name: unknown, value: unknown): JobSpec {
  const checked = checkJobName(name, 'Job.named: the name')
  const what = `Job "${checked}"`
  const given = checkOptions(value, PUSH_OPTIONS, what)
  const overrides: Overrides = {
    limits: given.limits === undefined ? null : checkLimits(given.limits, `${what}: limits`),
    backoff: given.backoff === undefined ? null : checkBackoff(given.backoff, what),
    retentionMs: given.retention === undefined ? null : checkRetention(given.retention, what),
  }
  return { ...parsePushOptions(given, checked, what), overrides, deadLetter: null, terms: null }
}

function parsePushOptions(
  given: Readonly<Record<string, unknown>>,
  name: string,
  what: string,
): Omit<JobSpec, 'overrides' | 'deadLetter' | 'terms'> {
  return {
    name,
    queue: checkQueueName(given.queue ?? DEFAULT_QUEUE, `${what}: queue`),
    priority: checkPriority(given.priority ?? 0, what),
    maxAttempts: given.maxAttempts == null ? null : checkMaxAttempts(given.maxAttempts, what),
    args: checkRecord(given.args ?? NO_DATA, `${what}: args`),
    scheduledAtMs: given.scheduledAt == null ? null : checkScheduledAt(given.scheduledAt, what),
    delayMs: null,
    uniqueKey: given.uniqueKey == null ? null : checkUniqueKey(given.uniqueKey, what),
    whenTaken: given.whenTaken == null ? null : checkWhenTaken(given.whenTaken, what),
    concurrency: given.concurrency == null ? null : checkConcurrency(given.concurrency, what),
    meta: checkRecord(given.meta ?? NO_DATA, `${what}: meta`),
  }
}

export function checkPriority(value: unknown, what: string): number {
  return checkInteger(value, `${what}: priority`, { min: -(2 ** 31), max: 2 ** 31 - 1 })
}

export function checkMaxAttempts(value: unknown, what: string): number {
  return checkInteger(value, `${what}: maxAttempts`, { min: 1, max: 1_000_000 })
}

/** A frozen shallow copy of a plain object; anything else that is an object is left to the codec. */
export function checkRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === NO_DATA) return NO_DATA
  if (isPlainObject(value)) return Object.freeze(copyOf(value, what))
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new ConfigError(`${what}: expected an object, got ${inspect(value)}.`)
}

function copyOf(value: Readonly<Record<string, unknown>>, what: string): Record<string, unknown> {
  try {
    return { ...value }
  } catch (cause) {
    throw new ConfigError(`${what} cannot be read: a getter threw ${inspect(cause)}.`, { cause })
  }
}

// Years that both sides print alike; further away is a mistake in units.
const MIN_TIME_MS = Date.UTC(1970, 0, 1)
const MAX_TIME_MS = Date.UTC(9999, 11, 31)

export function checkScheduledAt(value: unknown, what: string): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN
  if (ms >= MIN_TIME_MS && ms <= MAX_TIME_MS) return ms
  throw new ConfigError(
    `${what}: scheduledAt: expected a Date from 1970 to 9999, got ${inspect(value)}.`,
  )
}

export function checkUniqueKey(value: unknown, what: string): string {
  return checkText(value, { what: `${what}: uniqueKey`, maxBytes: MAX_KEY_BYTES })
}

export function checkConcurrency(value: unknown, what: string): Concurrency {
  const given = checkOptions(value, ['max', 'key'], `${what}: concurrency`)
  const max = checkInteger(given.max, `${what}: concurrency.max`, { min: 1, max: 1_000_000 })
  const { key } = given
  if (key === undefined) return Object.freeze({ max })
  if (typeof key === 'function') return Object.freeze({ max, key: key as () => string })
  return Object.freeze({
    max,
    key: checkText(key, { what: `${what}: concurrency.key`, maxBytes: MAX_KEY_BYTES }),
  })
}

/** A backoff for one job: data, since a row cannot hold a function. */
export function checkBackoff(value: unknown, what: string): Backoff {
  if (typeof value !== 'function') return parseBackoff(value, `${what}: backoff`)
  throw new ConfigError(
    `${what}: backoff: expected "none" or { base, factor, max, jitter }, got ${inspect(value)}. ` +
      'A function is for the options of job(), where the worker finds it.',
  )
}

function parseAnyBackoff(value: unknown, what: string): Backoff | BackoffFunction {
  if (value === undefined) return DEFAULT_BACKOFF
  return typeof value === 'function' ? (value as BackoffFunction) : parseBackoff(value, what)
}

export function checkRetention(value: unknown, what: string): number {
  const ms = durationMs(value, `${what}: retention`)
  if (ms >= MIN_RETENTION_MS) return ms
  throw new ConfigError(`${what}: retention: expected at least 10m, got ${inspect(value)}.`)
}
