import { FlowCharts, hasNoPoint } from '../../components/flow-charts.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { RangeTabs } from '../../components/range-tabs.tsx'
import { link, query } from '../../router.ts'
import { rangeOf, useSeries } from '../../series.ts'
import { hasPlugin } from '../../session.ts'

/** Rates, and what a job waits and takes, of everything. */
export function OverviewCharts() {
  const range = rangeOf(query.value.get('range'), '1 h')
  const hasMetrics = hasPlugin('metrics')
  const state = useSeries(hasMetrics ? ['all'] : [], range)
  if (!hasMetrics)
    return (
      <section class="panel" aria-label="Charts">
        <Empty
          title="No charts without the plugin metrics()"
          command={
            "new Chancy(database, { plugins: [metrics()] }) // from 'chancy/plugins/metrics'"
          }
          what="Example"
        >
          It counts attempts and their times; it is there by default and was switched off here.
        </Empty>
      </section>
    )
  return (
    <Panel
      title="Flow"
      state={state}
      again={state.reload}
      end={
        <>
          <RangeTabs ranges={['5 min', '1 h', '24 h', '7 d']} at={range} />
          <a href={link(['charts'], { range })}>More charts</a>
        </>
      }
      isEmpty={hasNoPoint}
      empty={
        <Empty title={`No attempt ended in the last ${range}`}>
          Workers write their figures every ten seconds.
        </Empty>
      }
    >
      {(data) => <FlowCharts data={data} />}
    </Panel>
  )
}
