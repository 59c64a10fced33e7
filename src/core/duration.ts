import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A number of milliseconds, or a number with a unit: `'250ms'`, `'60s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = number | `${number}${keyof typeof UNIT_MS}`

/** Ten years: longer is a mistake, and far from where a timestamp overflows. */
export const MAX_DURATION_MS = 3_650 * UNIT_MS.d

const SHAPE = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/**
 * A duration in whole milliseconds, from 0 to ten years.
 *
 * @throws {ConfigError} on anything else, showing what was given
 */
export function durationMs(value: unknown, what: string): number {
  const ms = Math.round(parse(value))
  if (ms >= 0 && ms <= MAX_DURATION_MS) return ms
  throw new ConfigError(
    `${what}: expected a duration, as a number of milliseconds or like "250ms", "60s", "5m", "2h", "1d", ` +
      `from 0 to 3650d, got ${inspect(value)}.`,
  )
}

function parse(value: unknown): number {
  if (typeof value === 'number') return value < 0 ? Number.NaN : value
  const match = typeof value === 'string' ? SHAPE.exec(value) : null
  return match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}
