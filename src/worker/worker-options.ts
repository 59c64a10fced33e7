import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../core/check.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { EXECUTORS, type ExecutorKind, MAX_CONCURRENCY } from '../core/queue.ts'
import { parseDsn } from '../database/drivers/dsn.ts'
import type { DayIndex } from '../database/statements/day-indexes.ts'
import type { ChildEnv } from '../executors/child.ts'

/** Options of `new Worker(chancy, options)`. */
export interface WorkerOptions {
  /** What this worker says of itself; queues choose workers by it. Default: none of its own. */
  readonly tags?: readonly string[]
  /** For people. Default: none. */
  readonly label?: string
  /** The version of the application, such as a tag of its release: failures say which had them first. Default: none. */
  readonly version?: string
  /** Only these queues, whatever the tags say. Default: all that match. */
  readonly queues?: readonly string[]
  /**
   * At most this many jobs of each queue run here concurrently, 1 to 10,000, whatever more the queue allows; a queue
   * that names no concurrency has this one. Default: what the queues say.
   */
  readonly concurrency?: number
  /** How often the lease is renewed, 100 ms or more. Default: `'3s'`. */
  readonly heartbeat?: Duration
  /** How long after its last renewal a worker is gone; three heartbeats to one day. Default: `'15s'`. */
  readonly lease?: Duration
  /** How long running jobs may continue after `stop()`; then they are asked to stop. Default: `'25s'`. */
  readonly shutdownTimeout?: Duration
  /** Whether SIGTERM and SIGINT stop this worker, and the process after all such. Default: true. */
  readonly signals?: boolean
  /**
   * Whether a claim is on disk before its jobs start. False is faster; after a crash of the server
   * a job that was running may start twice. Default: true.
   */
  readonly durableClaims?: boolean
  /** The lease is released when the event loop of the worker has been blocked this long, at least 1 s. Default: `'5m'`. */
  readonly maxLoopBlock?: Duration
  /** A DSN for the heartbeat's own connection. Default: what the driver says. */
  readonly heartbeatUrl?: string
  /**
   * The environment of the children of `process` and `thread`: the names of the variables of this
   * process that they get, or the variables themselves. Default: all of this process.
   */
  readonly childEnv?: readonly string[] | Readonly<Record<string, string>>
  /**
   * Runs the jobs of all queues, whatever their declarations say: for tests and development. `inline` does not
   * enforce memory limits then. Default: what each queue declares.
   */
  readonly executor?: ExecutorKind
  /**
   * The indexes that workers make of each day of the history when it is over, one at a time: by name, and with `args` of
   * what args and meta hold, which takes 170 bytes a job. False: none, and searches read whole days. Default:
   * `{ args: false }`.
   */
  readonly searchIndexes?: false | { readonly args?: boolean }
}

export interface WorkerSettings {
  readonly tags: readonly string[]
  readonly label: string | null
  readonly version: string | null
  readonly queues: readonly string[] | null
  readonly concurrency: number | null
  readonly heartbeatMs: number
  readonly leaseMs: number
  readonly shutdownTimeoutMs: number
  readonly signals: boolean
  readonly durableClaims: boolean
  readonly maxLoopBlockMs: number
  readonly heartbeatUrl: string | null
  readonly childEnv: ChildEnv | null
  readonly executor: ExecutorKind | null
  readonly dayIndexes: readonly DayIndex[]
}

const NAMES = [
  'tags',
  'label',
  'version',
  'queues',
  'concurrency',
  'heartbeat',
  'lease',
  'shutdownTimeout',
  'signals',
  'durableClaims',
  'maxLoopBlock',
  'heartbeatUrl',
  'childEnv',
  'executor',
  'searchIndexes',
]
const MAX_TAGS = 100
const MAX_TEXT_BYTES = 200
const MIN_HEARTBEAT_MS = 100
/** The loop says four times a second that it lives. */
const MIN_MAX_LOOP_BLOCK_MS = 1_000
/** A worker that died holds its jobs for as long as its lease: longer than a day is a mistake. */
const MAX_LEASE_MS = 86_400_000

/** @throws {ConfigError} */
export function parseWorkerOptions(value: unknown): WorkerSettings {
  const given = checkOptions(value, NAMES, 'Worker') as WorkerOptions
  const heartbeatMs = durationMs(given.heartbeat ?? '3s', 'Worker: heartbeat')
  const leaseMs = durationMs(given.lease ?? '15s', 'Worker: lease')
  if (heartbeatMs < MIN_HEARTBEAT_MS) {
    throw new ConfigError(
      `Worker: heartbeat: expected at least 100ms, got ${inspect(given.heartbeat)}.`,
    )
  }
  if (leaseMs < 3 * heartbeatMs) {
    throw new ConfigError(
      `Worker: lease: expected at least three heartbeats (${3 * heartbeatMs} ms), got ${inspect(given.lease)}. One lost renewal must not cost the lease.`,
    )
  }
  if (leaseMs > MAX_LEASE_MS) {
    throw new ConfigError(
      `Worker: lease: expected at most 1d, got ${inspect(given.lease)}. The jobs of a worker that died wait for as long as its lease.`,
    )
  }
  const maxLoopBlockMs = durationMs(given.maxLoopBlock ?? '5m', 'Worker: maxLoopBlock')
  if (maxLoopBlockMs < MIN_MAX_LOOP_BLOCK_MS) {
    throw new ConfigError(
      `Worker: maxLoopBlock: expected at least 1s, got ${inspect(given.maxLoopBlock)}. A loop that is only busy must not cost the lease.`,
    )
  }
  return {
    tags: checkTexts(given.tags, 'Worker: tags', 'texts') ?? [],
    label:
      given.label === undefined
        ? null
        : checkText(given.label, { what: 'Worker: label', maxBytes: MAX_TEXT_BYTES }),
    version:
      given.version === undefined
        ? null
        : checkText(given.version, { what: 'Worker: version', maxBytes: MAX_TEXT_BYTES }),
    queues: checkTexts(given.queues, 'Worker: queues', 'names of queues'),
    concurrency:
      given.concurrency === undefined
        ? null
        : checkInteger(given.concurrency, 'Worker: concurrency', { min: 1, max: MAX_CONCURRENCY }),
    heartbeatMs,
    leaseMs,
    shutdownTimeoutMs: durationMs(given.shutdownTimeout ?? '25s', 'Worker: shutdownTimeout'),
    signals: checkFlag(given.signals, 'signals'),
    durableClaims: checkFlag(given.durableClaims, 'durableClaims'),
    maxLoopBlockMs,
    heartbeatUrl: given.heartbeatUrl === undefined ? null : checkUrl(given.heartbeatUrl),
    childEnv: given.childEnv === undefined ? null : checkEnv(given.childEnv),
    executor:
      given.executor === undefined
        ? null
        : checkOneOf(given.executor, EXECUTORS, 'Worker: executor'),
    dayIndexes: checkIndexes(given.searchIndexes),
  }
}

function checkIndexes(value: unknown): readonly DayIndex[] {
  if (value === false) return []
  const { args = false } = checkOptions(value, ['args'], 'Worker: searchIndexes')
  if (args === true) return ['name', 'args']
  if (args === false) return ['name']
  throw new ConfigError(
    `Worker: searchIndexes: args: expected true or false, got ${inspect(args)}.`,
  )
}

function checkFlag(value: unknown, name: string): boolean {
  if (value === undefined) return true
  if (typeof value === 'boolean') return value
  throw new ConfigError(`Worker: ${name}: expected true or false, got ${inspect(value)}.`)
}

function checkUrl(value: unknown): string {
  const what = 'Worker: heartbeatUrl'
  const url = checkText(value, { what, maxBytes: 4_096 })
  parseDsn(url, `${what}: the DSN`)
  return url
}

function checkEnv(value: unknown): ChildEnv {
  const isFine = Array.isArray(value)
    ? value.every(isVariable)
    : isPlainObject(value) &&
      Object.entries(value).every(([name, text]) => isVariable(name) && isValue(text))
  if (isFine) return Array.isArray(value) ? [...value] : { ...(value as Record<string, string>) }
  throw new ConfigError(
    `Worker: childEnv: expected names of variables, such as ['PATH', 'HOME'], or an object of texts, such as { TZ: 'UTC' }, got ${inspect(value)}.`,
  )
}

function isVariable(name: unknown): name is string {
  return isValue(name) && name !== '' && !name.includes('=')
}

function isValue(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

function checkTexts(value: unknown, what: string, texts: string): readonly string[] | null {
  if (value === undefined) return null
  if (!Array.isArray(value) || value.length > MAX_TAGS) {
    const hint = typeof value === 'string' ? ` Write [${inspect(value)}].` : ''
    throw new ConfigError(
      `${what}: expected an array of at most ${MAX_TAGS} ${texts}, got ${inspect(value)}.${hint}`,
    )
  }
  return value.map((text, index) =>
    checkText(text, { what: `${what}[${index}]`, maxBytes: MAX_TEXT_BYTES }),
  )
}
