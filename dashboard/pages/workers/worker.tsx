import type { ComponentChildren } from 'preact'
import type { WireJobRow, WireWorker } from '../../../src/http/wire.ts'
import { findJobs } from '../../api/jobs.ts'
import { getWorker } from '../../api/workers.ts'
import { Ago, Since, Stamp } from '../../components/ago.tsx'
import { CopyButton } from '../../components/copy.tsx'
import { Meter } from '../../components/meter.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { bytesText, countText, percentText, rateText } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { JobTable } from '../jobs/job-table.tsx'
import { NoSuch } from '../no-such.tsx'
import { slotsOf, WorkerState } from './worker-state.tsx'

/** One worker: what it runs now, its slots by queue, and what it could serve. */
export function WorkerPage({ id }: { id: string }) {
  const state = useLoad(`worker ${id}`, (signal) => getWorker(id, signal), 5_000)
  const filter = `worker:${id}`
  const jobs = useLoad(
    `running on ${id}`,
    (signal) =>
      findJobs({ q: `${filter} state:running`, order: null, cursor: null, limit: 200 }, signal),
    5_000,
  )
  const worker = state.data
  if (state.problem?.status === 404 && state.data === null)
    return (
      <NoSuch what="worker" name={id} list={to('workers')}>
        It stopped in an orderly way, or it was lost more than a day ago.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('workers')}>Workers</a>
      </p>
      <div class="head">
        <h1>{worker?.label ?? `Worker ${id.slice(0, 8)}`}</h1>
        {worker !== null && <WorkerState worker={worker} />}
        {worker?.isLeader === true && <span class="badge busy">leader</span>}
        <span class="id">
          <code>{id}</code>
          <CopyButton text={id} what="Id" />
        </span>
      </div>
      <Panel title="Now" state={state} rows={2} again={state.reload}>
        {(found) => <Facts worker={found} />}
      </Panel>
      <div class="grid main-side">
        <Panel
          title={worker?.alive === false ? 'What it ran' : 'What it runs'}
          state={jobs}
          again={jobs.reload}
          end={<a href={toJobs(filter)}>Its jobs</a>}
          isEmpty={({ items }) => items.length === 0}
          empty={
            <Empty title="Nothing runs on it">
              {worker?.alive === false && 'What it ran was recovered by another worker.'}
            </Empty>
          }
        >
          {({ items }) => <JobTable jobs={items} columns={['name', 'queue', 'started', 'args']} />}
        </Panel>
        <Panel
          title={worker?.alive === false ? 'Queues it served' : 'Slots'}
          state={state}
          rows={2}
        >
          {(found) => <Slots worker={found} running={jobs.data?.items ?? []} />}
        </Panel>
      </div>
    </>
  )
}

/** What is known of it; a figure that it does not say is left out. */
function Facts({ worker }: { worker: WireWorker }) {
  const [busy, all] = slotsOf(worker)
  return (
    <>
      <dl class="numbers">
        {worker.slots !== null && (
          <Fact name="slots busy">
            {countText(busy)}/{countText(all)}
          </Fact>
        )}
        {worker.endedPerSecond !== null && (
          <Fact name="ended">{rateText(worker.endedPerSecond)}</Fact>
        )}
        {worker.cpu !== null && <Fact name="CPU">{percentText(worker.cpu)}</Fact>}
        {worker.memoryBytes !== null && <Fact name="memory">{bytesText(worker.memoryBytes)}</Fact>}
        {worker.version !== null && <Fact name="version">{worker.version}</Fact>}
        <Fact name={worker.alive ? 'up' : 'started'}>
          {worker.alive ? <Since at={worker.startedAt} /> : <Stamp at={worker.startedAt} />}
        </Fact>
        <Fact name="last seen">
          <Ago at={worker.renewedAt} />
        </Fact>
        <Fact name={worker.alive ? 'lease until' : 'lease ended'}>
          <Stamp at={worker.expiresAt} />
        </Fact>
      </dl>
      {worker.tags.length > 0 && (
        <ul class="tags">
          {worker.tags.map((tag) => (
            <li key={tag}>
              <code>{tag}</code>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** By queue, as it says; or what runs of it beside the slots that the queue gives to a worker. */
function Slots({ worker, running }: { worker: WireWorker; running: readonly WireJobRow[] }) {
  const queues = useTopic('queues').data?.items ?? []
  const rows =
    worker.slots ??
    worker.queues.map((queue) => ({
      queue,
      slots: queues.find(({ name }) => name === queue)?.concurrency ?? 0,
      busy: running.filter((job) => job.queue === queue).length,
    }))
  if (rows.length === 0) return <p class="body soft">It serves no queue: its tags match none.</p>
  return (
    <ul class="shares body">
      {rows.map(({ queue, slots, busy }) => (
        <li key={queue}>
          <a class="name" href={to('queues', queue)}>
            {queue}
          </a>
          {worker.alive && slots > 0 ? (
            <Meter part={busy} of={slots} tone={busy >= slots ? 'warn' : ''} />
          ) : (
            <span />
          )}
          {worker.alive && (
            <span class="num">{slots === 0 ? `${busy} run` : `${busy}/${slots}`}</span>
          )}
        </li>
      ))}
    </ul>
  )
}
