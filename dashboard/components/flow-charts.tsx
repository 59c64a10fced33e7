import { useState } from 'preact/hooks'
import type { WireSeriesList } from '../../src/http/wire.ts'
import { perSecondText, rateText } from '../numbers.ts'
import { endedOf, perSecond, timesOf, valuesOf } from '../series.ts'
import { spanText } from '../time.ts'
import { Chart } from './chart.tsx'

const NAMES = ['Rate', 'Wait', 'Run time']

/** Rates, waits and run times of the first series, side by side; on a narrow screen one of them, by choice. */
export function FlowCharts({ data }: { data: WireSeriesList }) {
  const [chosen, setChosen] = useState(0)
  const times = timesOf(data)
  const points = data.series[0]?.points ?? []
  const { stepMs } = data
  const common = { times, height: 150, hasTitle: true }
  return (
    <div class="charts three" data-chosen={chosen}>
      <div class="tabs narrow-only">
        {NAMES.map((name, at) => (
          <button
            type="button"
            key={name}
            aria-pressed={at === chosen}
            onClick={() => setChosen(at)}
          >
            {name}
          </button>
        ))}
      </div>
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
