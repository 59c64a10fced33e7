import type { WireSeriesList } from '../../src/http/wire.ts'
import { perSecondText, rateText } from '../numbers.ts'
import { endedOf, perSecond, timesOf, valuesOf } from '../series.ts'
import { spanText } from '../time.ts'
import { Chart } from './chart.tsx'

/** Rates, waits and run times of the first series, side by side. */
export function FlowCharts({ data }: { data: WireSeriesList }) {
  const times = timesOf(data)
  const points = data.series[0]?.points ?? []
  const { stepMs } = data
  const common = { times, height: 150, hasTitle: true }
  return (
    <div class="charts three">
      <Chart
        {...common}
        label="Jobs a second"
        format={rateText}
        axisFormat={perSecondText}
        lines={[
          { label: 'started', values: perSecond(points, stepMs, (one) => one.started) },
          { label: 'ended', values: perSecond(points, stepMs, endedOf), tone: 2 },
          {
            label: 'failed',
            values: perSecond(points, stepMs, (one) => one.failed + one.retried + one.crashed),
            tone: 5,
          },
        ]}
      />
      <Chart
        {...common}
        label="Wait until the start"
        format={spanText}
        isTime
        lines={[
          { label: 'p50', values: valuesOf(points, (one) => one.waitMs.p50) },
          { label: 'p95', values: valuesOf(points, (one) => one.waitMs.p95), tone: 3 },
        ]}
      />
      <Chart
        {...common}
        label="Run time"
        format={spanText}
        isTime
        lines={[
          { label: 'p50', values: valuesOf(points, (one) => one.runMs.p50) },
          { label: 'p95', values: valuesOf(points, (one) => one.runMs.p95), tone: 3 },
        ]}
      />
    </div>
  )
}

/** Whether no attempt ended in the whole range. */
export const hasNoPoint = ({ series }: WireSeriesList): boolean =>
  series.every(({ points }) => points.every((point) => point === null))
