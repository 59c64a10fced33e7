import { checkOneOf, checkOptions, inspect } from '../core/check.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { EXECUTORS, type ExecutorKind } from '../core/queue.ts'
import type { Driver, JobSource, Logger, Plugin } from '../index.ts'

/** What a test says of its application. */
export interface TestChancyOptions {
  /** The jobs that run in the test: job functions, or modules as URLs, paths or globs. */
  readonly jobs: JobSource | readonly JobSource[]
  /** As those of `Chancy`. Default: none but the default ones. */
  readonly plugins?: readonly Plugin[]
  /** Whether the default plugins are there. Default: true. */
  readonly defaultPlugins?: boolean
  /** A database by its address, or a driver. Default: that of CHANCY_TEST_URL, else PGlite. */
  readonly database?: string | Driver
  /** When time stands still at the beginning, and again after each `reset`. Default: the present. */
  readonly now?: Date
  /** Whether `close` leaves the schema to be read, and prints its name. Default: false. */
  readonly keep?: boolean
  /** What runs the jobs of all queues; children need modules as `jobs`. Default: `'inline'`, in the test's process. */
  readonly executor?: ExecutorKind
  /**
   * How long a job may run in real time. Then `advance` moves on, to its time limit for example, and `drain` fails.
   * Default: `'4s'`, and `'30s'` for children.
   */
  readonly patience?: Duration
  /** Receives the log of the engine. Default: it is dropped. */
  readonly logger?: Logger
}

export interface TestSettings {
  readonly jobs: JobSource | readonly JobSource[]
  readonly plugins: readonly Plugin[]
  readonly defaultPlugins: boolean
  readonly database: string | Driver | undefined
  readonly nowMs: number
  readonly keep: boolean
  readonly executor: ExecutorKind
  readonly patienceMs: number
  readonly logger: Logger | null
}

const NAMES = [
  'jobs',
  'plugins',
  'defaultPlugins',
  'database',
  'now',
  'keep',
  'executor',
  'patience',
  'logger',
]
/** Below this a busy machine would count as a job that hangs. */
const MIN_PATIENCE_MS = 100

/** @throws {ConfigError} */
export function parseTestOptions(value: unknown): TestSettings {
  const given = checkOptions(value, NAMES, 'testChancy') as Partial<TestChancyOptions>
  if (given.jobs === undefined)
    throw new ConfigError(
      'testChancy: jobs is missing: the functions that the test runs, such as { jobs: [welcome] }.',
    )
  const executor = checkOneOf(given.executor ?? 'inline', EXECUTORS, 'testChancy: executor')
  const patience = given.patience ?? (executor === 'inline' ? '4s' : '30s')
  const patienceMs = durationMs(patience, 'testChancy: patience')
  if (patienceMs < MIN_PATIENCE_MS)
    throw new ConfigError(
      `testChancy: patience: expected at least 100ms, got ${inspect(patience)}.`,
    )
  return {
    jobs: given.jobs,
    plugins: given.plugins ?? [],
    defaultPlugins: checkFlag(given.defaultPlugins, 'defaultPlugins', true),
    database: checkDatabase(given.database),
    nowMs: given.now === undefined ? Date.now() : timeOf(given.now, 'testChancy: now'),
    keep: checkFlag(given.keep, 'keep', false),
    executor,
    patienceMs,
    logger: given.logger ?? null,
  }
}

/** The milliseconds of a date. @throws {ConfigError} */
export function timeOf(value: unknown, what: string): number {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime()
  throw new ConfigError(`${what}: expected a valid Date, got ${inspect(value)}.`)
}

function checkFlag(value: unknown, name: string, absent: boolean): boolean {
  if (value === undefined) return absent
  if (typeof value === 'boolean') return value
  throw new ConfigError(`testChancy: ${name}: expected true or false, got ${inspect(value)}.`)
}

function checkDatabase(value: unknown): string | Driver | undefined {
  const isDriver = typeof (value as Partial<Driver> | null | undefined)?.transaction === 'function'
  if (value === undefined || isDriver || (typeof value === 'string' && value !== ''))
    return value as string | Driver | undefined
  throw new ConfigError(
    `testChancy: database: expected the address of a database or a driver, got ${inspect(value)}. Without the option it is that of CHANCY_TEST_URL, else PGlite.`,
  )
}
