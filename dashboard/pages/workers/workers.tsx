import type { WireWorker } from '../../../src/http/wire.ts'
import { Ago, Since } from '../../components/ago.tsx'
import { Meter } from '../../components/meter.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { bytesText, countText, plural, rateText } from '../../numbers.ts'
import { hrefWith, query, to, toJobs } from '../../router.ts'
import type { PageProps } from '../page-props.ts'
import { WorkerPage } from './worker.tsx'
import { slotsOf, WorkerState } from './worker-state.tsx'

/** Who works, how hard, in which version, and who is gone? */
export default function Workers({ parts: [id] }: PageProps) {
  return id === undefined ? <WorkerList /> : <WorkerPage key={id} id={id} />
}

function WorkerList() {
  const state = useTopic('workers')
  const all = state.data?.items ?? []
  const wanted = query.value.get('version')
  const versions = [
    ...new Set(all.filter(({ alive }) => alive).map(({ version }) => version ?? '')),
  ]
  const shown = [...all]
    .filter(({ version }) => wanted === null || (version ?? '') === wanted)
    .sort((a, b) => Number(b.alive) - Number(a.alive) || (a.id < b.id ? -1 : 1))
  const alive = shown.filter(({ alive }) => alive).length
  const says: Said = {
    slots: shown.some(({ slots }) => slots !== null),
    ended: shown.some(({ endedPerSecond }) => endedPerSecond !== null),
    memory: shown.some(({ memoryBytes }) => memoryBytes !== null),
  }
  return (
    <>
      <div class="head">
        <h1>Workers</h1>
        {state.data !== null && (
          <span class="soft">
            {alive} alive{shown.length > alive && `, ${shown.length - alive} lost within a day`}
          </span>
        )}
        {versions.length > 1 && (
          <nav class="tabs" aria-label="Version">
            {[null, ...versions].map((one) => (
              <a
                key={one ?? 'all'}
                href={hrefWith({ version: one })}
                aria-current={wanted === one ? 'true' : undefined}
              >
                {one === null ? 'all versions' : one === '' ? 'no version' : one}
              </a>
            ))}
          </nav>
        )}
      </div>
      <Panel
        state={state}
        rows={4}
        isEmpty={() => shown.length === 0}
        empty={
          <Empty title="No worker is alive" command="npx chancy worker start --app ./app.ts">
            <WaitsForOne />
          </Empty>
        }
      >
        {() => (
          <div class="scroll">
            <table class="cards">
              <thead>
                <tr>
                  <th scope="col">Worker</th>
                  <th scope="col">State</th>
                  <th scope="col">Version</th>
                  <th scope="col" class="num">
                    Up
                  </th>
                  {says.slots && (
                    <th scope="col" class="num">
                      Slots
                    </th>
                  )}
                  {says.ended && (
                    <th scope="col" class="num">
                      Ended
                    </th>
                  )}
                  {says.memory && (
                    <th scope="col" class="num">
                      Memory
                    </th>
                  )}
                  <th scope="col" class="roomy">
                    Queues
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map((worker) => (
                  <Row key={worker.id} worker={worker} says={says} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
    </>
  )
}

/** How many jobs wait for a worker. */
function WaitsForOne() {
  const queues = useTopic('queues').data?.items ?? []
  const waiting = queues.reduce((sum, { counts }) => sum + (counts?.waiting ?? 0), 0)
  return waiting === 0 ? (
    <>No job waits for one.</>
  ) : (
    <>
      <a href={toJobs('state:waiting', 'line')}>{plural(waiting, 'job')}</a>{' '}
      {waiting === 1 ? 'waits' : 'wait'} until one is.
    </>
  )
}

/** Which columns have a figure of at least one worker. */
interface Said {
  readonly slots: boolean
  readonly ended: boolean
  readonly memory: boolean
}

function Row({ worker, says }: { worker: WireWorker; says: Said }) {
  const { slots } = worker
  const [busy, all] = slotsOf(worker)
  return (
    <tr data-row="">
      <th scope="row" class="full">
        <a class="name" href={to('workers', worker.id)} title={worker.id}>
          {worker.label ?? worker.id.slice(0, 13)}
        </a>{' '}
        {worker.isLeader && <span class="badge busy">leader</span>}
      </th>
      <td>
        <WorkerState worker={worker} />
      </td>
      <td class="wide-only">{worker.version ?? <span class="soft">–</span>}</td>
      <td class="num" data-label={worker.alive ? 'up' : undefined}>
        {worker.alive ? (
          <Since at={worker.startedAt} />
        ) : (
          <span class="soft">
            gone <Ago at={worker.renewedAt} />
          </span>
        )}
      </td>
      {says.slots && (
        <td class="num" data-label="slots">
          {slots === null ? (
            <span class="soft">–</span>
          ) : (
            <>
              {countText(busy)}/{countText(all)}{' '}
              <Meter part={busy} of={all} tone={busy >= all ? 'warn' : ''} />
            </>
          )}
        </td>
      )}
      {says.ended && (
        <td class="num wide-only">
          {worker.endedPerSecond === null ? (
            <span class="soft">–</span>
          ) : (
            rateText(worker.endedPerSecond)
          )}
        </td>
      )}
      {says.memory && (
        <td class="num wide-only">
          {worker.memoryBytes === null ? (
            <span class="soft">–</span>
          ) : (
            bytesText(worker.memoryBytes)
          )}
        </td>
      )}
      <td class="wide-only roomy clip-cell broad">
        <span class="clip" title={worker.queues.join(', ')}>
          {slots === null
            ? worker.queues.join(', ')
            : slots.map(({ queue, busy, slots }) => `${queue} ${busy}/${slots}`).join(' · ')}
        </span>
      </td>
    </tr>
  )
}
