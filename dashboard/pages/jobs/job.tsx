import { useEffect } from 'preact/hooks'
import type { WireJob } from '../../../src/http/wire.ts'
import { findAudit } from '../../api/audit.ts'
import type { Answer } from '../../api/client.ts'
import { explainJob, getJob } from '../../api/jobs.ts'
import { Ago } from '../../components/ago.tsx'
import { CopyButton, copyAndSay } from '../../components/copy.tsx'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { useKeys } from '../../keys.ts'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { to, toJobs } from '../../router.ts'
import { may } from '../../session.ts'
import { fullText } from '../../time.ts'
import { ActionList } from '../actions/action-list.tsx'
import { JobActs } from './job-acts.tsx'
import { JobAttempts } from './job-attempts.tsx'
import { JobFacts } from './job-facts.tsx'
import { JobParts } from './job-parts.tsx'
import { shownState } from './job-table.tsx'
import { JobTimeline } from './job-timeline.tsx'
import { WhyItWaits } from './why-it-waits.tsx'

/** What happened to one job, why it does not run, and what can be done. */
export function JobPage({ id }: { id: string }) {
  const first = useLoad<Answer<WireJob>>(`job ${id}`, (signal) => getJob(id, signal))
  const isFinished = first.data !== null && isOver(first.data.value)
  const live = useTopic(isFinished ? null : `job:${id}`)
  const job = newer(first.data?.value ?? null, live.data)
  const waits = job !== null && ['pending', 'retrying'].includes(job.state)
  const why = useLoad(
    waits ? `why ${id} ${job.state} ${job.attempts}` : null,
    (signal) => explainJob(id, signal),
    5_000,
  )
  const audit = useLoad(may('audit.view') ? `audit ${id}` : null, (signal) =>
    findAudit({ q: `target:job:${id}`, cursor: null, limit: 10 }, signal),
  )
  useEffect(() => {
    if (live.data !== null && isOver(live.data) && !isFinished) first.reload()
  }, [live.data?.state])
  useKeys(
    () => [
      { keys: 'y', says: 'copy the id', of: 'This page', run: () => void copyAndSay(id, 'Id') },
      { keys: 'o', says: 'open all of the JSON', of: 'This page', run: openAll },
    ],
    [id],
  )
  const after = () => {
    first.reload()
    audit.reload()
  }
  if (first.problem?.status === 404 && job === null) return <Missing id={id} />
  return (
    <>
      <p class="crumb">
        <a href={toJobs('')}>Jobs</a>
        {job !== null && (
          <>
            {' / '}
            <a href={to('queues', job.queue)} class="name">
              {job.queue}
            </a>
          </>
        )}
      </p>
      <div class="head">
        {job !== null && <StateMark state={shownState(job)} />}
        <h1>{job?.name ?? 'Job'}</h1>
        <span class="id">
          <code>{id}</code>
          <CopyButton text={id} what="Id" />
        </span>
        {job?.links.map((one) => (
          <a key={one.href} href={one.href} target="_blank" rel="noopener noreferrer">
            {one.label} <Icon name="out" />
          </a>
        ))}
        {job !== null && <JobActs job={job} etag={first.data?.etag ?? null} after={after} />}
      </div>
      <Panel title="What happened" state={stateOf(first, job)} rows={2} again={first.reload}>
        {(found) => <JobTimeline job={found} />}
      </Panel>
      {waits && (
        <Panel title="Why it waits" state={why} rows={2} again={why.reload}>
          {(found) => <WhyItWaits found={found} />}
        </Panel>
      )}
      {job !== null && (
        <>
          <div class="grid main-side">
            <div>
              {job.errors.items.length > 0 && <JobAttempts job={job} />}
              <JobParts job={job} />
            </div>
            <JobFacts job={job} />
          </div>
          {may('audit.view') && (audit.data?.items.length ?? 0) > 0 && (
            <Panel title="Actions on it" state={audit} again={audit.reload}>
              {({ items }) => <ActionList entries={items} />}
            </Panel>
          )}
        </>
      )}
    </>
  )
}

const isOver = ({ state }: WireJob) => ['succeeded', 'failed', 'cancelled'].includes(state)

const stateOf = (
  { at, problem }: { at: number | null; problem: Parameters<typeof Panel>[0]['state']['problem'] },
  data: WireJob | null,
) => ({ data, at, problem })

/** Of two states of the job, the one in which more has happened. */
function newer(first: WireJob | null, live: WireJob | null): WireJob | null {
  if (first === null || live === null) return live ?? first
  return isOver(first) && !isOver(live) && first.attempts >= live.attempts ? first : live
}

function openAll(): void {
  for (const one of document.querySelectorAll<HTMLDetailsElement>('main details')) one.open = true
}

/** Its id has the time of its push in it, so that this can say which of the two it is. */
function Missing({ id }: { id: string }) {
  const at = /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id)
    ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
    : null
  const isPast = at !== null && at < Date.now() && at > Date.parse('2020-01-01')
  return (
    <section class="whole">
      <Icon name="search" />
      <h1>There is no such job</h1>
      <p>
        <code>{id}</code>
      </p>
      {isPast ? (
        <p>
          By its id it was pushed <Ago at={new Date(at).toISOString()} /> ({fullText(at)}). Finished
          jobs are removed by the rules of the pruner, or by hand.
        </p>
      ) : (
        <p>It is no id of a job that was pushed: such an id begins with the time of its push.</p>
      )}
      <p>
        <a href={toJobs('')}>All jobs</a>
      </p>
    </section>
  )
}
