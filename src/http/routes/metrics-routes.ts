import { ChancyError, ConfigError } from '../../core/errors.ts'
import { getMetrics, type MetricsPoint, type Spread } from '../../plugins/metrics/metrics.ts'
import type { Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { instant, text } from '../schema.ts'
import {
  seriesListShape,
  type WireMetricsPoint,
  type WireSeriesList,
  type WireSpread,
} from '../shapes/metrics.ts'

const STEPS_MS: Readonly<Record<string, number>> = {
  '10s': 10_000,
  '1m': 60_000,
  '5m': 300_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
}
const HOUR_MS = 3_600_000

/** What a text such as `queue:mail` asks for. */
interface Asked {
  readonly key: string
  readonly kind: 'all' | 'queue' | 'name'
  readonly name: string | null
}

export const metricsRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/metrics/series',
    verb: 'metrics.view',
    summary: 'attempts that ended, with their times, by a step of time',
    query: { series: text({ maxBytes: 2_000 }), from: instant(), to: instant(), step: text() },
    answer: seriesListShape,
    work: (call) => readSeries(call, call.query),
  }),
]

async function readSeries(
  call: Call,
  query: {
    readonly series?: string
    readonly from?: Date
    readonly to?: Date
    readonly step?: string
  },
): Promise<WireSeriesList> {
  const { reads, clock, settings } = call
  const asked = seriesOf(call, query.series ?? 'all')
  const toMs = query.to?.getTime() ?? clock.now()
  const fromMs = query.from?.getTime() ?? toMs - HOUR_MS
  const step = stepOf(query.step, fromMs, toMs, settings.limits.points)
  const stepMs = STEPS_MS[step] ?? 0
  const beginMs = Math.floor(fromMs / stepMs) * stepMs
  const series: WireSeriesList['series'][number][] = []
  for (const one of asked) {
    const points = await getMetrics(reads, {
      from: new Date(fromMs),
      to: new Date(toMs),
      step: step as '1m',
      ...(one.kind === 'queue' && { queue: one.name ?? '' }),
      ...(one.kind === 'name' && { name: one.name ?? '' }),
    })
    series.push({ ...one, points: aligned(points, beginMs, toMs, stepMs) })
  }
  return { from: new Date(beginMs).toISOString(), to: new Date(toMs).toISOString(), stepMs, series }
}

/** @throws {ConfigError} @throws {ChancyError} `ACCESS_DENIED` for what counts queues that the access does not see */
function seriesOf({ permit, settings }: Call, given: string): Asked[] {
  const keys = given.split(',')
  const most = settings.limits.series
  if (keys.length > most)
    throw new ConfigError(`series: expected at most ${most}, got ${keys.length}.`)
  return keys.map((key) => {
    const [, kind = key, name = null] = /^(queue|name):(.+)$/s.exec(key) ?? []
    if (kind !== 'all' && name === null)
      throw new ConfigError(
        `series: expected "all", "queue:…" or "name:…", got ${JSON.stringify(key.slice(0, 80))}.`,
      )
    const isSeen = kind === 'queue' ? permit.scope.sees(name ?? '') : permit.scope.isWhole
    if (isSeen) return { key, kind: kind as Asked['kind'], name: decoded(name) }
    throw new ChancyError(
      'ACCESS_DENIED',
      'This access sees some queues. Ask for the series of one of them: queue:….',
      { details: { verb: 'metrics.view' } },
    )
  })
}

/** A comma ends a series, so it stands as `%2C` in a name. */
function decoded(name: string | null): string | null {
  return name?.replaceAll('%2C', ',').replaceAll('%25', '%') ?? null
}

/** The shortest step with few enough points, unless one is given. */
function stepOf(given: string | undefined, fromMs: number, toMs: number, most: number): string {
  if (fromMs >= toMs) throw new ConfigError('from: expected a time before "to".')
  const fits = (ms: number) => (toMs - fromMs) / ms <= most
  const names = Object.keys(STEPS_MS)
  if (given === undefined) {
    const ageLimited = names.slice(1).find((name) => fits(STEPS_MS[name]!))
    if (ageLimited !== undefined) return ageLimited
    throw new ConfigError(`from: expected a range of at most ${most} days.`)
  }
  if (!Object.hasOwn(STEPS_MS, given))
    throw new ConfigError(
      `step: expected one of ${names.join(', ')}, got ${JSON.stringify(given.slice(0, 20))}.`,
    )
  if (fits(STEPS_MS[given]!)) return given
  throw new ConfigError(
    `step: ${given} gives more than ${most} points in this range. Take a longer one.`,
  )
}

/** A point a step; null where none is stored. */
function aligned(
  points: readonly MetricsPoint[],
  beginMs: number,
  toMs: number,
  stepMs: number,
): (WireMetricsPoint | null)[] {
  const found = new Map(points.map((point) => [point.at.getTime(), point]))
  const length = Math.max(1, Math.ceil((toMs - beginMs) / stepMs))
  return Array.from({ length }, (_, n) => {
    const point = found.get(beginMs + n * stepMs)
    return point === undefined ? null : pointJson(point)
  })
}

function pointJson(point: MetricsPoint): WireMetricsPoint {
  const { started, succeeded, failed, retried, crashed, cancelled, snoozed, released } = point
  return {
    ...{ started, succeeded, failed, retried, crashed, cancelled, snoozed, released },
    waitMs: spreadJson(point.waitMs),
    runMs: spreadJson(point.runMs),
    cpuMs: spreadJson(point.cpuMs),
  }
}

function spreadJson({ count, sum, max, p50, p95, p99, p999 }: Spread): WireSpread {
  return { count, sum, max, p50, p95, p99, p999 }
}
