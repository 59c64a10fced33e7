import type { WireOverview } from '../../../src/http/wire.ts'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { toJobs } from '../../router.ts'
import { ActionList } from '../actions/action-list.tsx'
import { FailureList } from '../failures/failure-list.tsx'
import { QueueTable } from '../queues/queue-table.tsx'
import { Findings } from './findings.tsx'
import { OverviewCharts } from './overview-charts.tsx'
import { Tiles } from './tiles.tsx'

/** Is all well, and since when not? */
export default function Overview() {
  const state = useTopic('overview')
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <Tiles overview={state.data} />
      <Panel
        title="What needs attention"
        state={state}
        rows={2}
        isEmpty={({ findings }) => findings.length === 0}
        empty={<NothingFound overview={state.data} />}
      >
        {(overview) => <Findings overview={overview} />}
      </Panel>
      <OverviewCharts />
      <Panel
        title="Queues, by trouble"
        state={state}
        end={<a href={toJobs('state:waiting', 'line')}>All waiting jobs</a>}
        isEmpty={({ queues }) => queues.length === 0}
        empty={<NoQueue />}
      >
        {({ queues }) => <QueueTable queues={byTrouble(queues).slice(0, 12)} />}
      </Panel>
      <div class="grid two">
        <Panel
          title="New failures"
          state={state}
          isEmpty={({ failures }) => (failures ?? []).length === 0}
          empty={
            <Empty
              title={state.data?.failures === null ? 'Failures are not grouped' : 'No new failure'}
            >
              {state.data?.failures === null
                ? 'The plugin "failures" is not part of the application that serves this page.'
                : 'Failed attempts that are alike stand here as one line.'}
            </Empty>
          }
        >
          {({ failures }) => <FailureList failures={(failures ?? []).slice(0, 5)} />}
        </Panel>
        <Panel
          title="Last actions"
          state={state}
          isEmpty={({ actions }) => (actions ?? []).length === 0}
          empty={
            <Empty
              title={state.data?.actions === null ? 'Actions are not open to you' : 'No action yet'}
            >
              {state.data?.actions === null
                ? 'Your role lacks audit.view.'
                : 'What is done by hand stands here: who, what, why.'}
            </Empty>
          }
        >
          {({ actions }) => <ActionList entries={(actions ?? []).slice(0, 5)} />}
        </Panel>
      </div>
    </>
  )
}

function NothingFound({ overview }: { overview: WireOverview | null }) {
  const isUnused = overview?.queues.length === 0
  if (isUnused)
    return (
      <Empty title="No job yet" command={PUSH} what="Example">
        Push a first one from your application, or with the command <code>chancy job push</code>.
      </Empty>
    )
  return (
    <p class="message all-well">
      All is well: every queue is served and nothing fails more than usual.
    </p>
  )
}

const PUSH = `await chancy.push(sendMail.job.withArgs({ to: 'ada@example.org' }))`

function NoQueue() {
  return (
    <Empty
      title="No queue yet"
      command={`await chancy.declare(new Queue('mail', { concurrency: 16 }))`}
      what="Example"
    >
      A queue appears when it is declared, or when a job names it.
    </Empty>
  )
}

/** What fails or waits longest comes first. */
function byTrouble(queues: WireOverview['queues']): WireOverview['queues'] {
  const weight = (queue: WireOverview['queues'][number]) =>
    (queue.state === 'paused' ? 1e9 : 0) +
    (queue.workers === 0 && (queue.counts?.waiting ?? 0) > 0 ? 1e10 : 0) +
    (queue.oldestMs ?? 0) +
    (queue.rates === null ? 0 : (queue.rates.failed + queue.rates.crashed) * 1e4)
  return [...queues].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1))
}
