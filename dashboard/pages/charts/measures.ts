import type { WireMetricsPoint } from '../../../src/http/wire.ts'
import { rateText } from '../../numbers.ts'
import { endedOf } from '../../series.ts'
import { spanText } from '../../time.ts'

/** A measure: a number of each point, and how it is written. */
export interface Measure {
  readonly label: string
  readonly format: (value: number) => string
  readonly of: (point: WireMetricsPoint, stepMs: number) => number | null
}

const perSecond =
  (of: (point: WireMetricsPoint) => number): Measure['of'] =>
  (point, stepMs) =>
    (of(point) * 1_000) / stepMs
const mean = (spread: WireMetricsPoint['cpuMs']) =>
  spread.count === 0 ? null : spread.sum / spread.count

export const MEASURES: Readonly<Record<string, Measure>> = {
  ended: { label: 'Ended', format: rateText, of: perSecond(endedOf) },
  started: { label: 'Started', format: rateText, of: perSecond((one) => one.started) },
  failures: {
    label: 'Failed',
    format: rateText,
    of: perSecond((one) => one.failed + one.retried + one.crashed),
  },
  'run-p50': { label: 'Run time p50', format: spanText, of: (one) => one.runMs.p50 },
  'run-p95': { label: 'Run time p95', format: spanText, of: (one) => one.runMs.p95 },
  'run-p99': { label: 'Run time p99', format: spanText, of: (one) => one.runMs.p99 },
  'wait-p50': { label: 'Wait p50', format: spanText, of: (one) => one.waitMs.p50 },
  'wait-p95': { label: 'Wait p95', format: spanText, of: (one) => one.waitMs.p95 },
  cpu: { label: 'CPU a job', format: spanText, of: (one) => mean(one.cpuMs) },
}
