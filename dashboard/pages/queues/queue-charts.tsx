import { FlowCharts, hasNoPoint } from '../../components/flow-charts.tsx'
import { Panel } from '../../components/panel.tsx'
import { RangeTabs } from '../../components/range-tabs.tsx'
import { link, query } from '../../router.ts'
import { rangeOf, useSeries } from '../../series.ts'
import { hasPlugin } from '../../session.ts'

/** The flow of one queue. Without the plugin of metrics there is none. */
export function QueueCharts({ name }: { name: string }) {
  const range = rangeOf(query.value.get('range'), '1 h')
  const state = useSeries(hasPlugin('metrics') ? [`queue:${name}`] : [], range)
  if (!hasPlugin('metrics')) return null
  return (
    <Panel
      title="Flow"
      state={state}
      again={state.reload}
      end={
        <>
          <RangeTabs ranges={['5 min', '1 h', '24 h', '7 d']} at={range} />
          <a href={link(['charts'], { series: `queue:${name}`, range })}>More charts</a>
        </>
      }
      isEmpty={hasNoPoint}
      empty={<p class="body soft">No attempt of this queue ended in the last {range}.</p>}
    >
      {(data) => <FlowCharts data={data} />}
    </Panel>
  )
}
