import { checkOptions, inspect } from './check.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import { type Size, sizeBytes } from './size.ts'

export interface MemoryLimit {
  readonly kind: 'memory'
  readonly bytes: number
}

export interface TimeLimit {
  readonly kind: 'time'
  readonly ms: number
}

/** A limit of one attempt. */
export type Limit = MemoryLimit | TimeLimit

/** A child that does nothing takes about 60 MiB; below this a limit would kill the child and not the job. */
export const MIN_MEMORY_BYTES = 96 * 1_024 ** 2

/** The line of the log about an attempt that runs without its memory limit. */
export const MEMORY_NOT_ENFORCED = 'memory limit is not enforced inline'

export const Limit = Object.freeze({
  /**
   * The most memory an attempt may use, in bytes or like `'1GiB'`; at least 96 MiB.
   *
   * The executor `process` holds the whole child to it. `thread` holds the V8 heap alone, and only
   * against code that grows in small steps: a thread shares the fate of its worker, which V8 aborts
   * when a large array does not fit. Memory that is not trusted belongs in `process`.
   *
   * @throws {ConfigError} when it is less, or no size
   */
  memory(size: Size): MemoryLimit {
    const bytes = sizeBytes(size, 'Limit.memory')
    if (bytes < MIN_MEMORY_BYTES) {
      throw new ConfigError(
        `Limit.memory: expected at least 96MiB, got ${inspect(size)}. A child that does nothing already takes about 60MiB.`,
        { details: { minBytes: MIN_MEMORY_BYTES, bytes } },
      )
    }
    return Object.freeze({ kind: 'memory', bytes })
  },

  /**
   * The longest an attempt may run, in milliseconds or like `'60s'`; at least 1 ms.
   *
   * @throws {ConfigError} when it is less, or no duration
   */
  time(duration: Duration): TimeLimit {
    const ms = durationMs(duration, 'Limit.time')
    if (ms < 1)
      throw new ConfigError(`Limit.time: expected at least 1ms, got ${inspect(duration)}.`)
    return Object.freeze({ kind: 'time', ms })
  },
})

/** Checks a list of limits, at most one of each kind, and gives a frozen copy. */
export function checkLimits(value: unknown, what: string): readonly Limit[] {
  if (!Array.isArray(value)) {
    throw new ConfigError(
      `${what}: expected an array like [Limit.time('60s'), Limit.memory('1GiB')], got ${inspect(value)}.`,
    )
  }
  const limits = value.map((limit, index) => checkLimit(limit, `${what}[${index}]`))
  const kinds = limits.map((limit) => limit.kind)
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index)
  if (twice === undefined) return Object.freeze(limits)
  throw new ConfigError(`${what}: expected at most one limit of a kind, got two of ${twice}.`)
}

function checkLimit(value: unknown, what: string): Limit {
  const given = checkOptions(value, ['kind', 'bytes', 'ms'], what)
  if (given.kind === 'memory') return Limit.memory(given.bytes as number)
  if (given.kind === 'time') return Limit.time(given.ms as number)
  throw new ConfigError(
    `${what}: expected Limit.memory(…) or Limit.time(…), got ${inspect(value)}.`,
  )
}

/** Limits as a row keeps them. */
export interface StoredLimits {
  readonly memoryBytes?: number
  readonly timeMs?: number
}

export function storeLimits(limits: readonly Limit[]): StoredLimits {
  const stored: { memoryBytes?: number; timeMs?: number } = {}
  for (const limit of limits) {
    if (limit.kind === 'memory') stored.memoryBytes = limit.bytes
    else stored.timeMs = limit.ms
  }
  return stored
}

/**
 * The limits of an attempt: of each kind the lower one of the row and of the worker's definition. So
 * what is stored, by any role that may write there, can ask for less than the code does, and not for more.
 */
export function lowerLimits(row: StoredLimits, definition: StoredLimits): StoredLimits {
  const memoryBytes = lower(row.memoryBytes, definition.memoryBytes)
  const timeMs = lower(row.timeMs, definition.timeMs)
  return {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(timeMs === undefined ? {} : { timeMs }),
  }
}

function lower(one: number | undefined | null, other: number | undefined): number | undefined {
  return one == null || (other !== undefined && other < one) ? other : one
}

/** The way back. `stored` was decoded, and so holds numbers within their bounds. */
export function restoreLimits(stored: StoredLimits): readonly Limit[] {
  const limits: Limit[] = []
  if (stored.memoryBytes != null) limits.push({ kind: 'memory', bytes: stored.memoryBytes })
  if (stored.timeMs != null) limits.push({ kind: 'time', ms: stored.timeMs })
  return limits
}
