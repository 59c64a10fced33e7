import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { type Step, type StepName, stepsOf } from './steps.ts'

/** Options of `metrics(options)`. */
export interface MetricsOptions {
  /** How often a process writes what it counted, 1 s to 1 m: that much is lost when it is killed. Default: `'10s'`. */
  readonly flush?: Duration
  /**
   * How long points are kept, by their length, at least two of them. Default: `{ '1m': '6h', '5m': '3d',
   * '1h': '60d', '1d': '730d' }`.
   */
  readonly retention?: Readonly<Partial<Record<Exclude<StepName, '10s'>, Duration>>>
  /**
   * How many pairs of queue and name, how many queues, names and measurements have series of their own, 1 to
   * 10,000. What is over that counts for `'(other)'`. Default: 500.
   */
  readonly series?: number
}

export interface Settings {
  readonly flushMs: number
  readonly steps: readonly Step[]
  readonly series: number
}

const [DEFAULT_FLUSH, DEFAULT_SERIES] = ['10s', 500] as const
const [MIN_FLUSH_MS, MAX_FLUSH_MS] = [1_000, 60_000]

/** @throws {ConfigError} */
export function parseSettings(options: unknown): Settings {
  const given = checkOptions(options, ['flush', 'retention', 'series'], 'metrics') as MetricsOptions
  const flushMs = durationMs(given.flush ?? DEFAULT_FLUSH, 'metrics: flush')
  if (flushMs < MIN_FLUSH_MS || flushMs > MAX_FLUSH_MS) {
    throw new ConfigError(`metrics: flush: expected 1s to 1m, got ${inspect(given.flush)}.`)
  }
  const series = checkInteger(given.series ?? DEFAULT_SERIES, 'metrics: series', {
    min: 1,
    max: 10_000,
  })
  return { flushMs, series, steps: stepsOf(given.retention) }
}
