import { checkOneOf, checkOptions, inspect } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { checkClock } from '../core/clock-option.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { isDefinedJob, isJobFunction } from '../core/job.ts'
import type { JobSource } from '../core/job-source.ts'
import type { Logger } from '../core/logger.ts'
import type { Plugin } from '../plugin/plugin.ts'

/** Options of `push` and `pushMany`. */
export interface PushOptions {
  /**
   * The caller's own transaction: a connected `pg` client, a postgres.js or PGlite transaction. The
   * job exists if and only if that transaction commits. Default: a transaction of its own.
   */
  readonly session?: unknown
}

/** Options of `push` for a job. */
export interface PushJobOptions extends PushOptions {
  /**
   * The id of the job, a UUID of version 7 of the last ten minutes: a push that is tried again with it pushes no second
   * job, also when the first has ended meanwhile; then `created` is false. Goes without `session`. Default: a new one.
   */
  readonly id?: string
}

/** Options of `new Chancy(database, options)`. */
export interface ChancyOptions {
  /** The schema of all tables; two in one database never meet. Default: `'chancy'`. */
  readonly schema?: string
  /**
   * What workers may run: modules as URLs, paths or globs, or job functions themselves (those run
   * only `inline`). A producer needs none. Default: none.
   */
  readonly jobs?: JobSource | readonly JobSource[]
  /** Added to the default ones; one of the same name replaces it. Default: none. */
  readonly plugins?: readonly Plugin[]
  /** Whether the default plugins are there: `leadership`, `pruner`, `metrics`, `failures`. Default: true. */
  readonly defaultPlugins?: boolean
  /** Whether to send and receive notifications; without them everything is found by polling. Default: true. */
  readonly notifications?: boolean
  /**
   * How long a push, or any other call, is repeated while the database is away: 100 ms to 10
   * minutes. Default: `'30s'`.
   */
  readonly pushDeadline?: Duration
  /** `'transaction'` behind PgBouncer and the like: no session state, no named statements. Default: none. */
  readonly pooler?: 'transaction'
  /** pino-shaped. Default: readable lines on a terminal, JSON elsewhere; on the standard error. */
  readonly logger?: Logger
  /**
   * For tests that move time: intervals, retries, waits and time limits of this process go by it, and the
   * lease is renewed in the event loop. A driver that the caller makes has an option of its own. Default: the
   * system's.
   */
  readonly clock?: Clock
}

export interface Settings {
  readonly schema: string
  readonly jobs: readonly JobSource[]
  readonly plugins: readonly Plugin[]
  readonly notifications: boolean
  readonly pushDeadlineMs: number
  readonly pooler: 'transaction' | null
  readonly logger: Logger | null
  readonly clock: Clock
}

const NAMES = [
  'schema',
  'jobs',
  'plugins',
  'defaultPlugins',
  'notifications',
  'pushDeadline',
  'pooler',
  'logger',
  'clock',
]
const DEFAULT_PUSH_DEADLINE = '30s'
/** A push looks this far back for itself, so history is never younger when it is removed. */
const MAX_PUSH_DEADLINE_MS = 600_000
const MIN_PUSH_DEADLINE_MS = 100

/** @throws {ConfigError} */
export function parseChancyOptions(value: unknown, defaults: readonly Plugin[]): Settings {
  const given = checkOptions(value, NAMES, 'Chancy') as ChancyOptions
  const pushDeadlineMs = durationMs(
    given.pushDeadline ?? DEFAULT_PUSH_DEADLINE,
    'Chancy: pushDeadline',
  )
  if (pushDeadlineMs < MIN_PUSH_DEADLINE_MS || pushDeadlineMs > MAX_PUSH_DEADLINE_MS) {
    throw new ConfigError(
      `Chancy: pushDeadline: expected 100ms to 10m, got ${inspect(given.pushDeadline)}.`,
    )
  }
  return {
    schema: given.schema ?? 'chancy',
    jobs: checkJobs(given.jobs),
    plugins: withDefaults(
      checkPlugins(given.plugins),
      checkFlag(given.defaultPlugins, 'defaultPlugins') ? defaults : [],
    ),
    notifications: checkFlag(given.notifications, 'notifications'),
    pushDeadlineMs,
    pooler:
      given.pooler === undefined
        ? null
        : checkOneOf(given.pooler, ['transaction'] as const, 'Chancy: pooler'),
    logger: checkLogger(given.logger),
    clock: checkClock(given.clock, 'Chancy: clock'),
  }
}

function checkFlag(value: unknown, name: string): boolean {
  if (value === undefined) return true
  if (typeof value === 'boolean') return value
  throw new ConfigError(`Chancy: ${name}: expected true or false, got ${inspect(value)}.`)
}

function checkJobs(value: unknown): readonly JobSource[] {
  if (value === undefined) return []
  const list = (Array.isArray(value) ? value : [value]) as unknown[]
  for (const source of list) {
    const isModule = (typeof source === 'string' && source !== '') || source instanceof URL
    if (isModule || isJobFunction(source)) continue
    const hint = isDefinedJob(source)
      ? `This is what defineJob() made of ${inspect(source.job.name)}: give what job(defined, fn) makes of it.`
      : typeof source === 'function'
        ? 'Make it a job first: job({ name: … }, fn).'
        : "For one module write: jobs: new URL('./jobs.js', import.meta.url)."
    throw new ConfigError(
      `Chancy: jobs: expected module URLs, paths, globs or job functions, got ${inspect(source)}. ${hint}`,
    )
  }
  return list as JobSource[]
}

function checkPlugins(value: unknown): readonly Plugin[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value as Plugin[]
  throw new ConfigError(`Chancy: plugins: expected an array, got ${inspect(value)}.`)
}

function withDefaults(given: readonly Plugin[], defaults: readonly Plugin[]): readonly Plugin[] {
  const names = new Set(given.map((plugin) => plugin?.name))
  return [...defaults.filter((plugin) => !names.has(plugin.name)), ...given]
}

function checkLogger(value: unknown): Logger | null {
  if (value === undefined) return null
  const logger = value as Partial<Logger> | null
  const levels = ['debug', 'info', 'warn', 'error'] as const
  if (levels.every((level) => typeof logger?.[level] === 'function')) return logger as Logger
  throw new ConfigError(
    `Chancy: logger: expected an object with debug, info, warn and error, like pino's, got ${inspect(value)}.`,
  )
}
