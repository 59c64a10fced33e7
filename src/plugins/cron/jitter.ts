import { createHash } from 'node:crypto'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'

const MAX_JITTER_MS = 3_600_000

/** Checks the option `jitter`: 0 to an hour, in milliseconds. */
export function checkJitter(value: Duration, what: string): number {
  const ms = durationMs(value, what)
  if (ms > MAX_JITTER_MS) throw new ConfigError(`${what}: expected at most 1h, got ${ms} ms.`)
  return ms
}

/**
 * How much later than its tick a schedule fires, in milliseconds: decided by key and tick alone, so that every
 * process comes to the same. Less than `jitter`, and less than half the way to the next tick, if there is one.
 */
export function jitterOf(key: string, tick: Date, next: Date | null, jitterMs: number): number {
  if (jitterMs === 0) return 0
  const halfway = next === null ? jitterMs : (next.getTime() - tick.getTime()) / 2
  const digest = createHash('sha256').update(`${tick.getTime()} ${key}`).digest()
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * Math.min(jitterMs, halfway))
}
