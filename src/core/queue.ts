import { brandClass } from './brand.ts'
import { checkInteger, checkOneOf, checkOptions, inspect } from './check.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import { checkQueueName } from './job-name.ts'
import { isPlainObject } from './plain-object.ts'
import { checkTags } from './tags.ts'

export type ExecutorKind = 'inline' | 'process' | 'thread'
export type QueueState = 'active' | 'paused'

/** Options of `new Queue(name, options)`. */
export interface QueueOptions {
  /** Concurrent jobs per worker, 1 to 10,000. Default: the executor's; 100 for `inline`. */
  readonly concurrency?: number
  /** How jobs are run. Default: `'process'`, which needs job modules for its children to load. */
  readonly executor?: ExecutorKind
  /** For `process` and `thread`. Default: `{}`. */
  readonly executorOptions?: ExecutorOptions
  /**
   * Regular expressions, matched whole against the tags of a worker: one match and it works on this
   * queue. Without lookarounds, backreferences and `\b`, so that each matches in linear time. At most
   * 100 of 200 bytes. Default: `['.*']`, every worker.
   */
  readonly tags?: readonly string[]
  /** How often to look without a notification, 10 ms to a day. Default: `'5s'`. */
  readonly pollingInterval?: Duration
  /** Starts across all workers in any window of that length. Default: none. */
  readonly rateLimit?: { readonly max: number; readonly per: Duration }
  /** Default: `'active'`. */
  readonly state?: QueueState
  /** When a paused queue becomes active by itself. Default: never. */
  readonly resumeAt?: Date
}

/** Options of the executors `process` and `thread`; `inline` has none. */
export interface ExecutorOptions {
  /** Jobs until a child is replaced; 0: never. Default: 100. For `process` and `thread`. */
  readonly maximumJobsPerChild?: number
  /** From the polite signal to the one that cannot be refused. Default: `'5s'`. For `process` and `thread`. */
  readonly killAfter?: Duration
}

/** A queue in its normal form: what is stored, and what `new Queue` makes of its options. */
export interface QueueFields {
  readonly name: string
  /** Null: the executor's default. */
  readonly concurrency: number | null
  readonly executor: ExecutorKind
  readonly executorOptions: StoredExecutorOptions
  readonly tags: readonly string[]
  readonly pollingIntervalMs: number
  readonly rateLimit: { readonly max: number; readonly perMs: number } | null
  readonly state: QueueState
  readonly resumeAt: Date | null
}

export interface StoredExecutorOptions {
  readonly maximumJobsPerChild?: number
  readonly killAfterMs?: number
}

const EXECUTOR_OPTIONS: Readonly<Record<ExecutorKind, readonly string[]>> = {
  inline: [],
  process: ['maximumJobsPerChild', 'killAfter'],
  thread: ['maximumJobsPerChild', 'killAfter'],
}
export const EXECUTORS = Object.keys(EXECUTOR_OPTIONS) as ExecutorKind[]
const STATES: readonly QueueState[] = ['active', 'paused']
const OPTIONS = [
  'concurrency',
  'executor',
  'executorOptions',
  'tags',
  'pollingInterval',
  'rateLimit',
  'state',
  'resumeAt',
]

/** The queue of a job that names none. */
export const DEFAULT_QUEUE = 'default'
export const DEFAULT_EXECUTOR: ExecutorKind = 'process'
export const DEFAULT_POLLING_INTERVAL_MS = 5_000
export const MIN_POLLING_INTERVAL_MS = 10
export const MAX_POLLING_INTERVAL_MS = 86_400_000
export const MAX_CONCURRENCY = 10_000
export const MAX_JOBS_PER_CHILD = 1e9
const MAX_RATE = 1_000_000

/** Where a declaration keeps which options it was given; the same symbol in every copy of the package. */
const GIVEN: unique symbol = Symbol.for('chancy.queue.given')
/** The field that an option with a duration is kept in. */
const FIELDS: Readonly<Record<string, keyof QueueFields>> = { pollingInterval: 'pollingIntervalMs' }

/**
 * The options that a declaration was given and that a stored queue has otherwise, in the order of the
 * options' list.
 */
export function differingOptions(declared: Queue, stored: Queue): string[] {
  return (declared[GIVEN] ?? []).filter((option) => {
    const field = FIELDS[option] ?? (option as keyof QueueFields)
    return canonical(declared[field]) !== canonical(stored[field])
  })
}

/** PostgreSQL keeps the keys of an object in an order of its own. */
function canonical(value: unknown): string {
  const sorted = (_: string, inner: unknown): unknown =>
    isPlainObject(inner) ? Object.fromEntries(Object.entries(inner).sort()) : inner
  return JSON.stringify(value, sorted)
}

/** A named line of jobs, as it is declared: checked, frozen, every field in its normal form. */
export class Queue implements QueueFields {
  readonly name: string
  readonly concurrency: number | null
  readonly executor: ExecutorKind
  readonly executorOptions: StoredExecutorOptions
  readonly tags: readonly string[]
  readonly pollingIntervalMs: number
  readonly rateLimit: { readonly max: number; readonly perMs: number } | null
  readonly state: QueueState
  readonly resumeAt: Date | null

  /** @internal The options that were given. */
  declare readonly [GIVEN]?: readonly string[]

  /** @throws {ConfigError} when the name or an option is wrong */
  constructor(name: string, options?: QueueOptions) {
    this.name = checkQueueName(name, 'The name of a queue')
    const what = `Queue ${inspect(name)}`
    const given = checkOptions(options, OPTIONS, what)
    this.concurrency = checkConcurrency(given.concurrency, what)
    this.executor = checkExecutor(given.executor, what)
    this.executorOptions = checkExecutorOptions(given.executorOptions, this.executor, what)
    this.tags = given.tags === undefined ? ['.*'] : checkTags(given.tags, `${what}: tags`)
    this.pollingIntervalMs = checkPollingInterval(given.pollingInterval, what)
    this.rateLimit = checkRateLimit(given.rateLimit, what)
    this.state = checkOneOf(given.state ?? 'active', STATES, `${what}: state`)
    this.resumeAt = checkResumeAt(given.resumeAt, this.state, what)
    Object.freeze(this.tags)
    const names = OPTIONS.filter((option) => given[option] !== undefined)
    Object.defineProperty(this, GIVEN, { value: names })
    Object.freeze(this)
  }

  /** A queue from its row. Not checked: another release may allow what this one refuses. */
  static restore(fields: QueueFields): Queue {
    return Object.freeze(Object.assign(Object.create(Queue.prototype) as Queue, fields))
  }
}

brandClass(Queue, 'Queue')

function checkConcurrency(value: unknown, what: string): number | null {
  if (value === undefined || value === null) return null
  return checkInteger(value, `${what}: concurrency`, { min: 1, max: MAX_CONCURRENCY })
}

function checkExecutor(value: unknown, what: string): ExecutorKind {
  return checkOneOf(value ?? DEFAULT_EXECUTOR, EXECUTORS, `${what}: executor`)
}

function checkExecutorOptions(
  value: unknown,
  executor: ExecutorKind,
  what: string,
): StoredExecutorOptions {
  const owner = `${what}: executorOptions of ${inspect(executor)}`
  const given = checkOptions(value, EXECUTOR_OPTIONS[executor], owner)
  const stored: { maximumJobsPerChild?: number; killAfterMs?: number } = {}
  if (given.maximumJobsPerChild !== undefined) {
    const name = `${owner}: maximumJobsPerChild`
    stored.maximumJobsPerChild = checkInteger(given.maximumJobsPerChild, name, {
      min: 0,
      max: MAX_JOBS_PER_CHILD,
    })
  }
  if (given.killAfter !== undefined) {
    stored.killAfterMs = durationMs(given.killAfter, `${owner}: killAfter`)
  }
  return Object.freeze(stored)
}

function checkPollingInterval(value: unknown, what: string): number {
  if (value === undefined) return DEFAULT_POLLING_INTERVAL_MS
  const ms = durationMs(value, `${what}: pollingInterval`)
  if (ms >= MIN_POLLING_INTERVAL_MS && ms <= MAX_POLLING_INTERVAL_MS) return ms
  throw new ConfigError(`${what}: pollingInterval: expected 10ms to 1d, got ${inspect(value)}.`)
}

function checkRateLimit(value: unknown, what: string): QueueFields['rateLimit'] {
  if (value === undefined || value === null) return null
  const given = checkOptions(value, ['max', 'per'], `${what}: rateLimit`)
  const max = checkInteger(given.max, `${what}: rateLimit.max`, { min: 1, max: MAX_RATE })
  const perMs = durationMs(given.per, `${what}: rateLimit.per`)
  if (perMs < 1) {
    throw new ConfigError(
      `${what}: rateLimit.per: expected at least 1ms, got ${inspect(given.per)}.`,
    )
  }
  return Object.freeze({ max, perMs })
}

function checkResumeAt(value: unknown, state: QueueState, what: string): Date | null {
  if (value === undefined || value === null) return null
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) {
    throw new ConfigError(`${what}: resumeAt: expected a valid Date, got ${inspect(value)}.`)
  }
  if (state === 'paused') return new Date(value)
  throw new ConfigError(`${what}: resumeAt is for a paused queue; add state: 'paused'.`)
}
