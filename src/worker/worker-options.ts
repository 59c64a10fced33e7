import { checkOptions, checkText, show } from '../core/check.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { parseDsn } from '../database/drivers/dsn.ts'
import type { ChildEnv } from '../executors/child.ts'

export interface WorkerOptions {
  /** What this worker says of itself; queues choose workers by it. Default: none of its own. */
  readonly tags?: readonly string[]
  /** For people. Default: none. */
  readonly label?: string
  /** Only these queues, whatever the tags say. Default: all that match. */
  readonly queues?: readonly string[]
  /** How often the lease is renewed, 100 ms or more. Default: `'3s'`. */
  readonly heartbeat?: Duration
  /** How long after its last renewal a worker is gone; three heartbeats to one day. Default: `'15s'`. */
  readonly lease?: Duration
  /** How long running jobs may go on after `stop()`; then they are asked to stop. Default: `'25s'`. */
  readonly shutdownTimeout?: Duration
  /** Whether SIGTERM and SIGINT stop this worker, and the process after all such. Default: true. */
  readonly signals?: boolean
  /**
   * Whether a claim is on disk before its jobs start. False is faster; after a crash of the server
   * a job that was running may start twice. Default: true.
   */
  readonly durableClaims?: boolean
  /** The lease is let go when the worker's loop has been blocked this long, at least 1 s. Default: `'5m'`. */
  readonly maxBlocked?: Duration
  /** A DSN for the heartbeat's own connection. Default: what the driver says. */
  readonly heartbeatUrl?: string
  /**
   * The environment of the children of `process` and `thread`: the names of the variables of this
   * process that they get, or the variables themselves. Default: all of this process.
   */
  readonly childEnv?: readonly string[] | Readonly<Record<string, string>>
}

export interface WorkerSettings {
  readonly tags: readonly string[]
  readonly label: string | null
  readonly queues: readonly string[] | null
  readonly heartbeatMs: number
  readonly leaseMs: number
  readonly shutdownTimeoutMs: number
  readonly signals: boolean
  readonly durableClaims: boolean
  readonly maxBlockedMs: number
  readonly heartbeatUrl: string | null
  readonly childEnv: ChildEnv | null
}

const NAMES = [
  'tags',
  'label',
  'queues',
  'heartbeat',
  'lease',
  'shutdownTimeout',
  'signals',
  'durableClaims',
  'maxBlocked',
  'heartbeatUrl',
  'childEnv',
]
const MAX_TAGS = 100
const MAX_TEXT_BYTES = 200
const MIN_HEARTBEAT_MS = 100
/** The loop says four times a second that it lives. */
const MIN_MAX_BLOCKED_MS = 1_000
/** A worker that died holds its jobs for as long as its lease: longer than a day is a mistake. */
const MAX_LEASE_MS = 86_400_000

/** @throws {ConfigError} */
export function parseWorkerOptions(value: unknown): WorkerSettings {
  const given = checkOptions(value, NAMES, 'Worker') as WorkerOptions
  const heartbeatMs = durationMs(given.heartbeat ?? '3s', 'Worker: heartbeat')
  const leaseMs = durationMs(given.lease ?? '15s', 'Worker: lease')
  if (heartbeatMs < MIN_HEARTBEAT_MS) {
    throw new ConfigError(
      `Worker: heartbeat: expected at least 100ms, got ${show(given.heartbeat)}.`,
    )
  }
  if (leaseMs < 3 * heartbeatMs) {
    throw new ConfigError(
      `Worker: lease: expected at least three heartbeats (${3 * heartbeatMs} ms), got ${show(given.lease)}. One lost renewal must not cost the lease.`,
    )
  }
  if (leaseMs > MAX_LEASE_MS) {
    throw new ConfigError(
      `Worker: lease: expected at most 1d, got ${show(given.lease)}. The jobs of a worker that died wait for as long as its lease.`,
    )
  }
  const maxBlockedMs = durationMs(given.maxBlocked ?? '5m', 'Worker: maxBlocked')
  if (maxBlockedMs < MIN_MAX_BLOCKED_MS) {
    throw new ConfigError(
      `Worker: maxBlocked: expected at least 1s, got ${show(given.maxBlocked)}. A loop that is only busy must not cost the lease.`,
    )
  }
  return {
    tags: checkTexts(given.tags, 'Worker: tags', 'texts') ?? [],
    label:
      given.label === undefined
        ? null
        : checkText(given.label, { what: 'Worker: label', maxBytes: MAX_TEXT_BYTES }),
    queues: checkTexts(given.queues, 'Worker: queues', 'names of queues'),
    heartbeatMs,
    leaseMs,
    shutdownTimeoutMs: durationMs(given.shutdownTimeout ?? '25s', 'Worker: shutdownTimeout'),
    signals: checkFlag(given.signals, 'signals'),
    durableClaims: checkFlag(given.durableClaims, 'durableClaims'),
    maxBlockedMs,
    heartbeatUrl: given.heartbeatUrl === undefined ? null : checkUrl(given.heartbeatUrl),
    childEnv: given.childEnv === undefined ? null : checkEnv(given.childEnv),
  }
}

function checkFlag(value: unknown, name: string): boolean {
  if (value === undefined) return true
  if (typeof value === 'boolean') return value
  throw new ConfigError(`Worker: ${name}: expected true or false, got ${show(value)}.`)
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
    `Worker: childEnv: expected names of variables, such as ['PATH', 'HOME'], or an object of texts, such as { TZ: 'UTC' }, got ${show(value)}.`,
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
    const hint = typeof value === 'string' ? ` Write [${show(value)}].` : ''
    throw new ConfigError(
      `${what}: expected an array of at most ${MAX_TAGS} ${texts}, got ${show(value)}.${hint}`,
    )
  }
  return value.map((text, index) =>
    checkText(text, { what: `${what}[${index}]`, maxBytes: MAX_TEXT_BYTES }),
  )
}
