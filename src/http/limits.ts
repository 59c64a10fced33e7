import { checkInteger, checkOptions } from '../core/check.ts'

/** The numbers that bound what the API may cost, each at most what it says. */
export interface Limits {
  /** Reads that run concurrently in this process. Default: 4, and half of the pool at most. */
  readonly reads: number
  /** Reads that wait for one of those. Default: 64. */
  readonly waitingReads: number
  /** How long one waits, in milliseconds. Default: 2,000. */
  readonly readWaitMs: number
  /** A statement of a read, by the server, in milliseconds. Default: 2,000. */
  readonly readMs: number
  /** A statement of an action, in milliseconds. Default: 10,000. */
  readonly actionMs: number
  /** A body. Default: 1 MiB. */
  readonly bodyBytes: number
  /** The body of a batch. Default: 8 MiB. */
  readonly batchBytes: number
  /** A URL. Default: 8,192. */
  readonly urlBytes: number
  /** Jobs of a page. Default: 200. */
  readonly list: number
  /** Series of a chart, and points of each. Default: 8 and 400. */
  readonly series: number
  readonly points: number
  /** Ids of a bulk action, and lines of a batch. Default: 1,000. */
  readonly ids: number
  /** Requests of an actor in a second, and concurrently. Default: 50 and 100. */
  readonly requestsPerSecond: number
  readonly requestsBurst: number
  /** Requests of an address without an actor, in a second. Default: 10. */
  readonly strangersPerSecond: number
  /** Streams of this process, and of an actor. Default: 200 and 20. */
  readonly streams: number
  readonly streamsOfActor: number
  /** How long a stream lives, in milliseconds. Default: 30 minutes. */
  readonly streamMs: number
  /** A comment of a stream, in milliseconds. Default: 15,000. */
  readonly heartbeatMs: number
  /** What a reader of a stream leaves unread before it ends. Default: 256 KiB. */
  readonly unreadBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  reads: 4,
  waitingReads: 64,
  readWaitMs: 2_000,
  readMs: 2_000,
  actionMs: 10_000,
  bodyBytes: 1_048_576,
  batchBytes: 8_388_608,
  urlBytes: 8_192,
  list: 200,
  series: 8,
  points: 400,
  ids: 1_000,
  requestsPerSecond: 50,
  requestsBurst: 100,
  strangersPerSecond: 10,
  streams: 200,
  streamsOfActor: 20,
  streamMs: 1_800_000,
  heartbeatMs: 15_000,
  unreadBytes: 262_144,
}

const MOST = 1_000_000_000

/** @throws {ConfigError} */
export function parseLimits(value: unknown): Limits {
  const names = Object.keys(DEFAULT_LIMITS)
  const given = checkOptions(value, names, 'createHandler: limits')
  const numbers = Object.entries(DEFAULT_LIMITS).map(([name, absent]) => [
    name,
    checkInteger(given[name] ?? absent, `createHandler: limits.${name}`, { min: 1, max: MOST }),
  ])
  return Object.fromEntries(numbers) as Limits
}
