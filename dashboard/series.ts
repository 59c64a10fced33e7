import type { WireMetricsPoint, WireSeriesList } from '../src/http/wire.ts'
import { getSeries } from './api/metrics.ts'
import { type Loaded, useLoad } from './loading.ts'
import { now } from './time.ts'

export const RANGES = {
  '5 min': 300_000,
  '1 h': 3_600_000,
  '6 h': 21_600_000,
  '24 h': 86_400_000,
  '7 d': 604_800_000,
  '90 d': 7_776_000_000,
} as const
export type Range = keyof typeof RANGES

export const rangeOf = (text: string | null, fallback: Range): Range =>
  text !== null && Object.hasOwn(RANGES, text) ? (text as Range) : fallback

/** The same without the point that has not ended: it would look like a fall of every rate. */
export function withoutOpenPoint(list: WireSeriesList): WireSeriesList {
  const ended = Math.floor((now.peek() - Date.parse(list.from)) / list.stepMs)
  const series = list.series.map((one) => ({ ...one, points: one.points.slice(0, ended) }))
  return { ...list, series }
}

/** Series up to now, read again every ten seconds on short ranges and every minute on long ones. */
export function useSeries(series: readonly string[], range: Range): Loaded<WireSeriesList> {
  const span = RANGES[range]
  return useLoad(
    series.length === 0 ? null : `${series.join(' ')} ${range}`,
    async (signal) =>
      withoutOpenPoint(
        await getSeries(series, { from: now.peek() - span, to: now.peek() }, signal),
      ),
    span <= RANGES['1 h'] ? 10_000 : 60_000,
  )
}

/** Series of more than the eight that one answer has. */
export function useManySeries(series: readonly string[], range: Range): Loaded<WireSeriesList> {
  const span = RANGES[range]
  return useLoad(
    series.length === 0 ? null : `${series.join(' ')} ${range}`,
    async (signal) => {
      const to = now.peek()
      const parts: WireSeriesList[] = []
      for (let at = 0; at < series.length; at += 8)
        parts.push(await getSeries(series.slice(at, at + 8), { from: to - span, to }, signal))
      return withoutOpenPoint({ ...parts[0]!, series: parts.flatMap((part) => part.series) })
    },
    60_000,
  )
}

export const timesOf = ({ from, stepMs, series }: WireSeriesList): number[] =>
  Array.from(
    { length: Math.max(0, ...series.map(({ points }) => points.length)) },
    (_, at) => Date.parse(from) + at * stepMs,
  )

type Points = readonly (WireMetricsPoint | null)[]

export const endedOf = (point: WireMetricsPoint): number =>
  point.succeeded + point.failed + point.retried + point.crashed + point.cancelled

/** A number of each point a second. */
export const perSecond = (
  points: Points,
  stepMs: number,
  of: (point: WireMetricsPoint) => number,
): (number | null)[] =>
  points.map((point) => (point === null ? null : (of(point) * 1_000) / stepMs))

export const valuesOf = (
  points: Points,
  of: (point: WireMetricsPoint) => number | null,
): (number | null)[] => points.map((point) => (point === null ? null : of(point)))
