import type { WireQueue } from '../../../src/http/wire.ts'
import { findAudit } from '../../api/audit.ts'
import { findJobs } from '../../api/jobs.ts'
import { explainQueue } from '../../api/queues.ts'
import { Icon } from '../../components/icon.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { PausedBy } from '../../components/paused-by.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { quoted } from '../../filter-words.ts'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { countText, plural } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { may } from '../../session.ts'
import { agoText, spanText } from '../../time.ts'
import { ActionList } from '../actions/action-list.tsx'
import { JobTable } from '../jobs/job-table.tsx'
import { NoSuch } from '../no-such.tsx'
import { QueueActs } from './queue-acts.tsx'
import { QueueCharts } from './queue-charts.tsx'
import { ageTitle, forecastText } from './queue-table.tsx'
import { WhyTheyWait } from './why-they-wait.tsx'

const FEW = 8

/** One queue: what waits in it and why, what starts next, who serves it, what was changed. */
export function QueuePage({ name }: { name: string }) {
  const state = useTopic(`queue:${name}`)
  const filter = `queue:${quoted(name)}`
  const why = useLoad(`why ${name}`, (signal) => explainQueue(name, signal))
  const next = useLoad(
    `next ${name}`,
    (signal) =>
      findJobs({ q: `${filter} state:waiting`, order: 'line', cursor: null, limit: FEW }, signal),
    5_000,
  )
  const running = useLoad(
    `running ${name}`,
    (signal) =>
      findJobs({ q: `${filter} state:running`, order: null, cursor: null, limit: FEW }, signal),
    5_000,
  )
  const changes = useLoad(may('audit.view') ? `changes ${name}` : null, (signal) =>
    findAudit({ q: `target:${quoted(`queue:${name}`)}`, cursor: null, limit: 5 }, signal),
  )
  const queue = state.data
  if (state.problem?.status === 404 && state.data === null)
    return (
      <NoSuch what="queue" name={name} list={to('queues')}>
        No queue of this name is declared, and no job names it.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('queues')}>Queues</a>
      </p>
      <div class="head">
        <h1>{name}</h1>
        {queue !== null && <StateMark state={queue.state} />}
        {queue !== null && <span class="soft">{settingsText(queue)}</span>}
        {queue !== null && (
          <QueueActs
            queue={queue}
            after={() => {
              why.reload()
              changes.reload()
            }}
          />
        )}
      </div>
      {queue?.state === 'paused' && (
        <p class="notice">
          <Icon name="pause" class="warn" />
          <span>
            <PausedBy queue={name} resumeAt={queue.resumeAt} />
          </span>
        </p>
      )}
      {queue?.state === 'undeclared' && (
        <p class="notice">
          <Icon name="warning" class="warn" />
          <span>
            It is not declared: it has jobs, and no worker is allowed to run them.
            {may('queues.edit') && ' Declare it, or move its jobs to another queue.'}
          </span>
        </p>
      )}
      <Panel title="Now" state={state} rows={2}>
        {(now) => <Facts queue={now} filter={filter} />}
      </Panel>
      <Panel
        title="Why they wait"
        state={why}
        again={why.reload}
        end={
          <button type="button" class="button quiet small" onClick={why.reload}>
            {why.at === null ? 'counting' : `counted ${agoText(why.at)} · again`}
          </button>
        }
      >
        {(found) => <WhyTheyWait found={found} filter={filter} />}
      </Panel>
      <QueueCharts name={name} />
      <div class="grid two">
        <Panel
          title="Next to start"
          state={next}
          again={next.reload}
          end={<a href={toJobs(`${filter} state:waiting`, 'line')}>All waiting</a>}
          isEmpty={({ items }) => items.length === 0}
          empty={<Empty title="Nothing waits to start" />}
        >
          {({ items }) => <JobTable jobs={items} columns={['name', 'created', 'args']} />}
        </Panel>
        <Panel
          title="Running"
          state={running}
          again={running.reload}
          end={<a href={toJobs(`${filter} state:running`)}>All running</a>}
          isEmpty={({ items }) => items.length === 0}
          empty={<Empty title="Nothing runs" />}
        >
          {({ items }) => <JobTable jobs={items} columns={['name', 'started', 'args']} />}
        </Panel>
      </div>
      {may('audit.view') && (
        <Panel
          title="Changes"
          state={changes}
          again={changes.reload}
          isEmpty={({ items }) => items.length === 0}
          empty={<Empty title="Nothing was changed by hand" />}
        >
          {({ items }) => <ActionList entries={items} />}
        </Panel>
      )}
    </>
  )
}

function Facts({ queue, filter }: { queue: WireQueue; filter: string }) {
  const { counts, rates } = queue
  const number = (value: number | undefined) => (value === undefined ? '–' : countText(value))
  return (
    <dl class="numbers">
      <div title={ageTitle(queue)}>
        <dt>waiting</dt>
        <dd>
          <a href={toJobs(`${filter} state:waiting`, 'line')}>
            {counts?.isEstimate === true && '≈ '}
            {number(counts?.waiting)}
          </a>
        </dd>
      </div>
      <div>
        <dt>running</dt>
        <dd>
          <a href={toJobs(`${filter} state:running`)}>{number(counts?.running)}</a>
        </dd>
      </div>
      <div>
        <dt>scheduled</dt>
        <dd>{number(counts?.scheduled)}</dd>
      </div>
      <div>
        <dt>blocked</dt>
        <dd>
          <a href={to('groups')}>{number(counts?.blocked)}</a>
        </dd>
      </div>
      <div>
        <dt>oldest waits</dt>
        <dd>{queue.oldestMs === null ? '–' : spanText(queue.oldestMs)}</dd>
      </div>
      {queue.forecast !== null && (
        <div>
          <dt>empty</dt>
          <dd>{forecastText(queue)}</dd>
        </div>
      )}
      <div>
        <dt>failed, last minute</dt>
        <dd class={rates !== null && rates.failed + rates.crashed > 0 ? 'bad' : ''}>
          {rates === null ? '–' : countText(rates.failed + rates.crashed)}
        </dd>
      </div>
      <div>
        <dt>served by</dt>
        <dd class={queue.workers === 0 ? 'bad' : ''}>
          <a href={to('workers')}>{plural(queue.workers, 'worker')}</a>
        </dd>
      </div>
    </dl>
  )
}

function settingsText(queue: WireQueue): string {
  const { executor, concurrency, rateLimit, tags } = queue
  if (queue.state === 'undeclared') return ''
  return [
    executor,
    concurrency !== null && `${concurrency} a worker`,
    rateLimit !== null && `${rateLimit.max} per ${spanText(rateLimit.perMs)}`,
    tags.join(' ') !== '.*' && `tags ${tags.join(' ')}`,
  ]
    .filter(Boolean)
    .join(' · ')
}
