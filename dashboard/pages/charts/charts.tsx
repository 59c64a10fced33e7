import { useEffect, useState } from 'preact/hooks'
import type { WireSeriesList } from '../../../src/http/wire.ts'
import { getSeries } from '../../api/metrics.ts'
import { Chart } from '../../components/chart.tsx'
import type { ChartLine } from '../../components/chart-shape.ts'
import { hasNoPoint } from '../../components/flow-charts.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { RangeTabs } from '../../components/range-tabs.tsx'
import { useKeys } from '../../keys.ts'
import { useLoad } from '../../loading.ts'
import { countText, perSecondText, rateText } from '../../numbers.ts'
import { hrefWith, query, setQuery, toJobs } from '../../router.ts'
import { RANGES, type Range, rangeOf, timesOf, withoutOpenPoint } from '../../series.ts'
import { hasPlugin } from '../../session.ts'
import { now, spanText, stampText } from '../../time.ts'
import { download } from '../jobs/job-menus.tsx'
import { ChartTable } from './chart-table.tsx'
import { MEASURES, type Measure } from './measures.ts'
import { SeriesPicker } from './series-picker.tsx'

/** How was it last week? */
export default function Charts() {
  const params = query.value
  const series = (params.get('series') ?? 'all').split(',').filter(Boolean).map(decoded)
  const range = rangeOf(params.get('range'), '24 h')
  const name = params.get('measure') ?? 'ended'
  const measure = MEASURES[name] ?? MEASURES.ended!
  const isTable = params.get('view') === 'table'
  const compares = params.get('compare') === 'week'
  const { from, to } = useRange(range)
  const key = `${series.join(' ')} ${from ?? ''} ${to ?? ''} ${range}`
  const isFixed = from !== null && to !== null
  const bounds = () => ({ from: from ?? now.peek() - RANGES[range], to: to ?? now.peek() })
  const hasMetrics = hasPlugin('metrics')
  const state = useLoad(
    hasMetrics ? key : null,
    async (signal) => withoutOpenPoint(await getSeries(series, bounds(), signal)),
    isFixed ? null : RANGES[range] <= RANGES['1 h'] ? 10_000 : 60_000,
  )
  const before = useLoad(hasMetrics && compares ? `${key} before` : null, (signal) => {
    const { from, to } = bounds()
    return getSeries(series, { from: from - RANGES['7 d'], to: to - RANGES['7 d'] }, signal)
  })
  useChartKeys(range, bounds)
  if (!hasMetrics)
    return (
      <>
        <div class="head">
          <h1>Charts</h1>
        </div>
        <NoMetrics />
      </>
    )
  return (
    <>
      <div class="head">
        <h1>Charts</h1>
        <label class="text-filter">
          <span class="unseen">Measure</span>
          <select
            value={name}
            onInput={(event) => setQuery({ measure: event.currentTarget.value })}
          >
            {Object.entries(MEASURES).map(([one, { label }]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <RangeTabs
          ranges={['1 h', '6 h', '24 h', '7 d', '90 d']}
          at={isFixed ? ('' as Range) : range}
        />
        <div class="acts">
          <a
            class="button"
            href={hrefWith({ compare: compares ? null : 'week' })}
            aria-current={compares ? 'true' : undefined}
          >
            {compares ? 'Without a week before' : 'Compare: a week before'}
          </a>
          <a
            class="button"
            href={hrefWith({ view: isTable ? null : 'table' })}
            aria-keyshortcuts="x"
            data-table=""
          >
            {isTable ? 'Chart' : 'Table'}
          </a>
          <button
            type="button"
            class="button"
            onClick={() =>
              state.data !== null && download(csvOf(state.data, measure), `${name}.csv`)
            }
          >
            CSV
          </button>
        </div>
      </div>
      <SeriesPicker series={series} />
      {isFixed && (
        <p class="soft">
          {stampText(from)} – {stampText(to)} ·{' '}
          <a
            href={toJobs(`finished:${new Date(from).toISOString()}..${new Date(to).toISOString()}`)}
          >
            jobs of this range
          </a>{' '}
          · <a href={hrefWith({ from: null, to: null })}>up to now</a>
        </p>
      )}
      <Panel
        title={measure.label}
        state={state}
        again={state.reload}
        rows={8}
        isEmpty={hasNoPoint}
        empty={
          <Empty title="No point in this range">
            No attempt of these series ended in it, or no worker wrote.{' '}
            <FirstPoint series={series} />
          </Empty>
        }
      >
        {(data) =>
          isTable ? (
            <ChartTable data={data} measure={measure} />
          ) : (
            <div class="charts">
              <Chart
                key={series.join()}
                label={measure.label}
                times={timesOf(data)}
                lines={linesOf(data, before.data, measure)}
                format={measure.format}
                axisFormat={measure.format === rateText ? perSecondText : measure.format}
                height={340}
                onZoom={(zoomFrom, zoomTo) =>
                  setQuery(
                    { from: new Date(zoomFrom).toISOString(), to: new Date(zoomTo).toISOString() },
                    {},
                  )
                }
              />
              <p class="soft hint">
                A point is {spanText(data.stepMs)}. A gap says that no attempt ended, or no worker
                wrote. Drag to choose a range.
              </p>
            </div>
          )
        }
      </Panel>
    </>
  )
}

function useRange(range: Range): { from: number | null; to: number | null } {
  const [from, to] = ['from', 'to'].map((one) => Date.parse(query.value.get(one) ?? ''))
  const isFixed = Number.isFinite(from) && Number.isFinite(to) && from! < to!
  void range
  return isFixed ? { from: from!, to: to! } : { from: null, to: null }
}

/** When there was a point at all. */
function FirstPoint({ series }: { series: readonly string[] }) {
  const { data } = useLoad(`first ${series.join(' ')}`, (signal) =>
    getSeries(series, { from: now.peek() - RANGES['90 d'], to: now.peek() }, signal),
  )
  if (data === null) return null
  const at = timesOf(data).find((_, index) =>
    data.series.some(({ points }) => points[index] != null),
  )
  if (at === undefined) return <>Nor is there one within 90 days.</>
  return (
    <>
      The first one within 90 days is of {stampText(at)}:{' '}
      <a href={hrefWith({ range: '90 d', from: null, to: null })}>show 90 days</a>
    </>
  )
}

/** Arrows move through time, plus and minus change the length of the range. */
function useChartKeys(range: Range, bounds: () => { from: number; to: number }): void {
  const [, redraw] = useState(0)
  const shift = (by: number) => {
    const { from, to } = bounds()
    const step = (to - from) * by
    const end = Math.min(to + step, now.peek())
    setQuery({ from: new Date(end - (to - from)).toISOString(), to: new Date(end).toISOString() })
  }
  const resize = (by: number) => {
    const all = Object.keys(RANGES) as Range[]
    const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(range) + by))]!
    setQuery({ range: next, from: null, to: null })
  }
  useEffect(() => redraw((count) => count + 1), [range])
  const key = (keys: string, says: string, run: () => void) => ({
    keys,
    says,
    of: 'This page',
    run,
  })
  useKeys(
    () => [
      key('ArrowLeft', 'earlier', () => shift(-0.5)),
      key('ArrowRight', 'later', () => shift(0.5)),
      key('+', 'shorter range', () => resize(-1)),
      key('-', 'longer range', () => resize(1)),
      key('x', 'table or chart', () =>
        document.querySelector<HTMLElement>('[data-table]')?.click(),
      ),
    ],
    [range, query.value.get('from')],
  )
}

function linesOf(
  data: WireSeriesList,
  before: WireSeriesList | null,
  measure: Measure,
): ChartLine[] {
  const line = (list: WireSeriesList, at: number, label: string, isDashed: boolean): ChartLine => ({
    label,
    tone: (at % 8) + 1,
    isDashed,
    values: list.series[at]!.points.map((point) =>
      point === null ? null : measure.of(point, list.stepMs),
    ),
  })
  const lines = data.series.map(({ key }, at) => line(data, at, key, false))
  if (before === null || before.series.length !== data.series.length) return lines
  return [
    ...lines,
    ...before.series.map(({ key }, at) => line(before, at, `${key}, a week before`, true)),
  ]
}

function csvOf(data: WireSeriesList, measure: Measure): string {
  const rows = timesOf(data).map((at, index) =>
    [
      new Date(at).toISOString(),
      ...data.series.map(({ points }) => {
        const point = points[index]
        return point == null ? '' : String(measure.of(point, data.stepMs) ?? '')
      }),
    ].join(','),
  )
  const head = ['at', ...data.series.map(({ key }) => `"${key.replaceAll('"', '""')}"`)].join(',')
  return `${[head, ...rows].join('\n')}\n`
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function NoMetrics() {
  return (
    <section class="panel">
      <Empty
        title="No charts without the plugin metrics()"
        command={"new Chancy(database, { plugins: [metrics()] }) // from 'chancy/plugins/metrics'"}
        what="Example"
      >
        It counts attempts and their times, and keeps them for {countText(2)} years.
      </Empty>
    </section>
  )
}
