import type { WireOverview } from '../../../src/http/wire.ts'
import { findJobs } from '../../api/jobs.ts'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { to, toJobs } from '../../router.ts'
import { may } from '../../session.ts'
import { ActionList } from '../actions/action-list.tsx'
import { FailureList } from '../failures/failure-list.tsx'
import { QueueTable } from '../queues/queue-table.tsx'
import { Findings } from './findings.tsx'
import { OverviewCharts } from './overview-charts.tsx'
import { Tiles } from './tiles.tsx'

/** Is all well, and since when not? */
export default function Overview() {
  const state = useTopic('overview')
  const isUnused = useUnused(state.data)
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <Tiles overview={state.data} />
      <Panel
        title="What needs attention"
        state={state}
        rows={2}
        isEmpty={({ findings }) => findings.length === 0 && !isUnused}
        empty={
          <p class="message all-well">
            All is well: every queue is served and nothing fails more than usual.
          </p>
        }
      >
        {(overview) => (
          <>
            <Findings overview={overview} />
            {isUnused && <NoJobYet overview={overview} />}
          </>
        )}
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
          title="Failures"
          state={state}
          end={<a href={to('failures')}>All failures</a>}
          isEmpty={({ failures }) => (failures ?? []).length === 0}
          empty={
            <Empty
              title={state.data?.failures === null ? 'Failures are not grouped' : 'Nothing fails'}
            >
              {state.data?.failures === null
                ? 'The plugin "failures" is not part of the application that serves this page.'
                : 'Failed attempts that are alike stand here as one line.'}
            </Empty>
          }
        >
          {({ failures }) => <FailureList failures={newFirst(failures ?? []).slice(0, 5)} />}
        </Panel>
        <Panel
          title="Last actions"
          state={state}
          end={may('audit.view') && <a href={to('actions')}>All actions</a>}
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

/** Whether there was never a job. It is asked only while nothing waits or runs. */
function useUnused(overview: WireOverview | null): boolean {
  const totals = overview?.totals
  const isIdle = totals != null && totals.waiting + totals.running + totals.scheduled === 0
  const newest = useLoad(isIdle && may('jobs.view') ? 'any job' : null, (signal) =>
    findJobs({ q: '', order: null, cursor: null, limit: 1 }, signal),
  )
  return newest.data?.items.length === 0
}

function NoJobYet({ overview }: { overview: WireOverview }) {
  return (
    <>
      <Empty title="No job yet" command={PUSH} what="Example">
        Push a first one from your application, or with the command <code>chancy job push</code>.
      </Empty>
      {overview.totals.workers === 0 && (
        <Empty title="No worker yet" command="npx chancy worker start --app ./app.ts">
          Jobs wait until one runs.
        </Empty>
      )}
    </>
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

const newFirst = (failures: NonNullable<WireOverview['failures']>) =>
  [...failures].sort((a, b) => Number(b.isNew) - Number(a.isNew))

/** What fails or waits longest comes first. */
function byTrouble(queues: WireOverview['queues']): WireOverview['queues'] {
  const weight = (queue: WireOverview['queues'][number]) =>
    (queue.state === 'paused' ? 1e9 : 0) +
    (queue.workers === 0 && (queue.counts?.waiting ?? 0) > 0 ? 1e10 : 0) +
    (queue.oldestMs ?? 0) +
    (queue.rates === null ? 0 : (queue.rates.failed + queue.rates.crashed) * 1e4)
  return [...queues].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1))
}
