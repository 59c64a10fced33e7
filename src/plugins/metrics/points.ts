import { checkOptions, checkText, inspect } from '../../core/check.ts'
import type { Duration } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import type { PluginAccess } from '../../plugin/index.ts'
import {
  DISTRIBUTIONS,
  type Distribution,
  OUTCOMES,
  type OutcomeName,
  TIME_NAMES,
} from './series.ts'
import { quantile } from './sketch.ts'
import type { PointRow } from './statements/reading.ts'
import { readLive, readPoints } from './statements/reading.ts'
import { type Step, stepOf } from './steps.ts'

/** How values are distributed. Percentiles are within 4.5 %, and null where nothing was counted. */
export interface Spread {
  readonly count: number
  readonly sum: number
  readonly max: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
}

/** Attempts that ended in a step of time, each by one of its outcomes; `started` is their sum. */
export interface MetricsPoint extends Readonly<Record<OutcomeName | 'started', number>> {
  /** When the step begins. */
  readonly at: Date
  /** From when a job could first run to its start, in milliseconds; of first attempts. */
  readonly waitMs: Spread
  /** Milliseconds; null percentiles where the executor measures nothing. */
  readonly runMs: Spread
  readonly cpuMs: Spread
}

/** A step of time of `getMeasurements`. */
export interface MeasurementPoint extends Spread {
  /** When the step begins. */
  readonly at: Date
}

/** A range of time, and the length of its steps. */
export interface RangeOptions {
  /** Default: an hour before `to`. */
  readonly from?: Date
  /** Default: now. */
  readonly to?: Date
  /**
   * The length of a point: `'10s'`, `'1m'`, `'5m'`, `'1h'` or `'1d'`. Default: the shortest that has at most 400 points in the
   * range and is kept as long.
   */
  readonly step?: Duration
}

/** Which points `getMetrics` returns. */
export interface MetricsQuery extends RangeOptions {
  /** Default: all queues. */
  readonly queue?: string
  /** The name of the jobs. Default: all. */
  readonly name?: string
  /** Of this worker alone: the last 15 minutes, by ten seconds. Default: all. */
  readonly workerId?: string
}

const HOUR_MS = 3_600_000
const MAX_NAME_BYTES = 200
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** @throws {ConfigError} for a range or a step that cannot be read */
export async function pointsOf(
  access: PluginAccess,
  query: MetricsQuery | undefined,
  steps: readonly Step[],
): Promise<MetricsPoint[]> {
  const names = ['queue', 'name', 'from', 'to', 'step', 'workerId']
  const given = checkOptions(query, names, 'getMetrics') as MetricsQuery
  const queue = nameOf(given.queue, 'getMetrics: queue')
  const name = nameOf(given.name, 'getMetrics: name')
  const { workerId } = given
  if (workerId !== undefined && !UUID.test(workerId))
    throw new ConfigError(`getMetrics: workerId: expected a UUID, got ${inspect(workerId)}.`)
  const [shortest] = steps
  if (workerId !== undefined && given.step === undefined && given.from === undefined) {
    const toMs = given.to?.getTime() ?? access.clock.now()
    const from = new Date(toMs - (shortest?.keepMs ?? 0))
    return pointsOf(access, { ...given, from, step: '10s' }, steps)
  }
  const { range, step } = rangeOf(given, access, steps)
  if (workerId !== undefined && step !== shortest)
    throw new ConfigError('getMetrics: a single worker has points of 10s alone. Add step: "10s".')
  const { fromMs, toMs } = range
  const rows = await access.run(() =>
    step === shortest
      ? access.database.run(readLive, ['job', queue, name, fromMs, toMs, workerId ?? null])
      : access.database.run(readPoints, [
          kindOf(queue, name),
          queue ?? '',
          name ?? '',
          step.ms / 1_000,
          fromMs,
          toMs,
        ]),
  )
  return rows.map(pointOf)
}

/** @throws {ConfigError} for a range or a step that cannot be read */
export async function measurementsOf(
  access: PluginAccess,
  name: unknown,
  options: RangeOptions | undefined,
  steps: readonly Step[],
): Promise<MeasurementPoint[]> {
  const what = checkText(name, { what: 'getMeasurements: name', maxBytes: MAX_NAME_BYTES })
  const given = checkOptions(options, ['from', 'to', 'step'], 'getMeasurements') as RangeOptions
  const { range, step } = rangeOf(given, access, steps)
  const { fromMs, toMs } = range
  const rows = await access.run(() =>
    step === steps[0]
      ? access.database.run(readLive, ['custom', '', what, fromMs, toMs, null])
      : access.database.run(readPoints, ['custom', '', what, step.ms / 1_000, fromMs, toMs]),
  )
  return rows.map((row) => {
    const { at, sums, maxima, buckets } = parsed(row)
    return { at, ...spreadOf(buckets, DISTRIBUTIONS.custom, sums[0], maxima[0]) }
  })
}

function rangeOf(
  { from, to, step: wanted }: RangeOptions,
  { clock }: PluginAccess,
  steps: readonly Step[],
): { readonly range: { readonly fromMs: number; readonly toMs: number }; readonly step: Step } {
  const nowMs = clock.now()
  const toMs = timeOf(to, nowMs, 'to')
  const fromMs = timeOf(from, toMs - HOUR_MS, 'from')
  if (fromMs >= toMs) {
    throw new ConfigError(
      `getMetrics: from: expected a time before "to" (${new Date(toMs).toISOString()}), got ${inspect(from)}.`,
    )
  }
  const step = stepOf(wanted, { fromMs, toMs, nowMs }, steps)
  // A point that begins before the range, and reaches into it, belongs to it.
  return { range: { fromMs: Math.floor(fromMs / step.ms) * step.ms, toMs }, step }
}

function timeOf(value: unknown, absent: number, name: string): number {
  if (value === undefined) return absent
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime()
  throw new ConfigError(`getMetrics: ${name}: expected a Date, got ${inspect(value)}.`)
}

function nameOf(value: unknown, what: string): string | null {
  return value === undefined ? null : checkText(value, { what, maxBytes: MAX_NAME_BYTES })
}

function kindOf(queue: string | null, name: string | null): string {
  if (queue === null) return name === null ? 'all' : 'name'
  return name === null ? 'queue' : 'pair'
}

type Buckets = readonly (readonly [bucket: number, count: number])[]

interface ParsedRow {
  readonly counts: readonly number[]
  readonly sums: readonly number[]
  readonly maxima: readonly number[]
  readonly buckets: Buckets
}

/** Of a row: what its arrays hold. */
export function arraysOf(row: Omit<PointRow, 'at_ms'>): ParsedRow {
  const [counts, sums, maxima, buckets, amounts] = [
    row.counts,
    row.sums,
    row.maxima,
    row.buckets,
    row.amounts,
  ].map((text) => JSON.parse(text) as number[]) as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ]
  return { counts, sums, maxima, buckets: buckets.map((bucket, n) => [bucket, amounts[n] ?? 0]) }
}

const parsed = (row: PointRow): ParsedRow & { readonly at: Date } => ({
  at: new Date(row.at_ms),
  ...arraysOf(row),
})

/** The buckets of one distribution, from 0. */
export function bucketsOf(buckets: Buckets, { range, offset }: Distribution): Buckets {
  const found: (readonly [bucket: number, count: number])[] = []
  for (const [stored, count] of buckets) {
    const bucket = stored - offset
    if (bucket >= range.lowest && bucket <= range.highest) found.push([bucket, count])
  }
  return found
}

function spreadOf(all: Buckets, distribution: Distribution, sum = 0, max = 0): Spread {
  const buckets = bucketsOf(all, distribution)
  const { scale, range } = distribution
  const count = buckets.reduce((total, [, amount]) => total + amount, 0)
  const at = (q: number): number | null => {
    const value = quantile(buckets, q, count)
    if (value === null) return null
    // The lowest bucket of measurements holds zero.
    const isZero = range.lowest < 0 && value < 2 ** ((range.lowest + 1) / 8)
    return isZero ? 0 : Math.min(value / scale, max)
  }
  return { count, sum, max, p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999) }
}

function pointOf(row: PointRow): MetricsPoint {
  const { at, counts, sums, maxima, buckets } = parsed(row)
  const outcomes = OUTCOMES.map((name, n) => [name, counts[n] ?? 0] as const)
  const times = TIME_NAMES.map(
    (name, n) => [`${name}Ms`, spreadOf(buckets, DISTRIBUTIONS[name], sums[n], maxima[n])] as const,
  )
  return {
    at,
    started: outcomes.reduce((sum, [, count]) => sum + count, 0),
    ...Object.fromEntries(outcomes),
    ...Object.fromEntries(times),
  } as MetricsPoint
}
