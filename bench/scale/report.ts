import { median, quantile, shown, spread } from '../support/stats.ts'
import { table } from '../support/table.ts'
import type { PlotPoint } from './plot.ts'
import type { Measured } from './sample-point.ts'

/** A sample point of a curve with what was measured there. The first one is the plain one. */
export interface Point {
  readonly label: string
  readonly measured: Measured
}

/** What a table and a plot show of a point. */
export interface Summary {
  readonly label: string
  readonly runs: number
  readonly rate: { readonly median: number; readonly min: number; readonly max: number }
  /** Of the median rate to that of the plain point. */
  readonly ratio: number
  readonly claimMs: { readonly p50: number; readonly p99: number; readonly count: number }
  readonly claimRatio: number
  readonly batchClaimMs: { readonly p50: number; readonly p99: number }
  readonly answeredMs: number
  readonly peakMib: number
}

export function summaries(points: readonly Point[]): Summary[] {
  const [plain] = points
  const plainRate = median(plain?.measured.rates ?? [])
  const plainClaimMs = percentiles(plain?.measured.claimsMs ?? []).p50
  return points.map(({ label, measured }) => {
    const { rates, claimsMs, batchClaimsMs, answeredMs, peakMib } = measured
    const rate = spread(rates)
    const claimMs = percentiles(claimsMs)
    return {
      label,
      runs: rates.length,
      rate,
      ratio: rate.median / plainRate,
      claimMs: { ...claimMs, count: claimsMs.length },
      claimRatio: claimMs.p50 / plainClaimMs,
      batchClaimMs: percentiles(batchClaimsMs),
      answeredMs: median(answeredMs),
      peakMib: quantile(peakMib, 1),
    }
  })
}

export function shownTable(axis: string, all: readonly Summary[]): string {
  const heads = ['', 'jobs/s', 'min', 'max', 'ratio', 'claim p50', 'p99', 'ratio', 'batch p50']
  heads.push('p99', 'answered', 'MiB')
  const rows = all.map(({ label, rate, ratio, claimMs, claimRatio, batchClaimMs, ...rest }) => [
    label,
    shown(rate.median),
    shown(rate.min),
    shown(rate.max),
    shown(ratio, 2),
    shownMs(claimMs.p50),
    shownMs(claimMs.p99),
    shown(claimRatio, 2),
    shownMs(batchClaimMs.p50),
    shownMs(batchClaimMs.p99),
    shownMs(rest.answeredMs),
    shown(rest.peakMib),
  ])
  return `${axis}\n${table(heads, rows)}`
}

export const plotPoint = ({ label, rate, claimMs }: Summary): PlotPoint => ({
  label,
  rate,
  claimMs,
})

function percentiles(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) }
}

function shownMs(ms: number): string {
  return Number.isFinite(ms) ? `${shown(ms, ms < 100 ? 2 : 0)} ms` : '–'
}
