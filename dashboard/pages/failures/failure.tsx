import type { WireFailureDetail } from '../../../src/http/wire.ts'
import { getFailure } from '../../api/failures.ts'
import { findJobs } from '../../api/jobs.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { CopyButton } from '../../components/copy.tsx'
import { Meter } from '../../components/meter.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { Spark } from '../../components/spark.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { useLoad } from '../../loading.ts'
import { countText, plural } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { JobTable } from '../jobs/job-table.tsx'
import { NoSuch } from '../no-such.tsx'
import { FailureActs } from './failure-acts.tsx'
import { hoursOf, messageOf } from './failure-list.tsx'

const DAYS = 30

/** One group: its hours, where it fails, in which queues, and the jobs that failed so. */
export function FailurePage({ fingerprint }: { fingerprint: string }) {
  const state = useLoad(
    `failure ${fingerprint}`,
    (signal) => getFailure(fingerprint, signal),
    5_000,
  )
  const filter = `failure:${fingerprint}`
  const jobs = useLoad(
    `jobs ${fingerprint}`,
    (signal) =>
      findJobs({ q: `${filter} state:failed`, order: 'ended', cursor: null, limit: 20 }, signal),
    10_000,
  )
  const failure = state.data
  const after = () => {
    state.reload()
    jobs.reload()
  }
  if (state.problem?.status === 404 && state.data === null)
    return (
      <NoSuch what="group of failures" name={fingerprint} list={to('failures')}>
        Nothing has failed so within 30 days, or the group was removed.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('failures')}>Failures</a>
      </p>
      <div class="head">
        <h1>{failure?.name ?? 'Failure'}</h1>
        {failure !== null && <StateMark state={failure.state} />}
        {failure?.isNew === true && <span class="badge bad">new</span>}
        {failure !== null && failure.again > 0 && (
          <span class="badge warn">again ×{failure.again}</span>
        )}
        {failure !== null && (
          <div class="acts">
            <FailureActs failure={failure} after={after} />
          </div>
        )}
      </div>
      <Panel title="What fails" state={state} again={state.reload}>
        {(found) => <Detail failure={found} />}
      </Panel>
      <Panel
        title="Jobs that failed so"
        state={jobs}
        again={jobs.reload}
        end={<a href={toJobs(`${filter} state:failed`, 'ended')}>All of them</a>}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <Empty title="No job has ended so">
            Its failed attempts were tried again, or the jobs are removed.{' '}
            <a href={toJobs(filter)}>Jobs that wait to be retried</a>
          </Empty>
        }
      >
        {({ items }) => (
          <JobTable
            jobs={items}
            columns={['name', 'queue', 'attempts', 'finished', 'took', 'args']}
          />
        )}
      </Panel>
    </>
  )
}

function Detail({ failure }: { failure: WireFailureDetail }) {
  const hours = hoursOf(failure, DAYS * 24)
  const most = Math.max(1, ...failure.queues.map(({ count }) => count))
  return (
    <div class="body">
      <p class="error-text">
        <b>{failure.error || failure.kind}</b>: {messageOf(failure)}
      </p>
      <p class="soft">
        {plural(failure.total, 'failed attempt')} · last <Ago at={failure.lastAt} /> · first{' '}
        <Stamp at={failure.firstAt} />
        {failure.firstVersion !== null && ` · since version ${failure.firstVersion}`}
        {failure.lastVersion !== null &&
          failure.lastVersion !== failure.firstVersion &&
          `, last in ${failure.lastVersion}`}
      </p>
      {failure.state !== 'open' && failure.stateAt !== null && (
        <p>
          <StateMark state={failure.state} /> by {failure.stateBy ?? 'an unknown actor'}{' '}
          <Ago at={failure.stateAt} />
          {failure.note !== null && <>: {failure.note}</>}
        </p>
      )}
      <div class="hours">
        <Spark tone="bad" values={hours} label={`Failures an hour of the last ${DAYS} days`} />
        <p class="soft scale">
          <span>{DAYS} days ago</span>
          <span>at most {countText(Math.max(...hours))} an hour</span>
          <span>now</span>
        </p>
      </div>
      <div class="grid two">
        <div>
          <h3>
            Own frames{' '}
            {failure.frames.length > 0 && (
              <CopyButton text={failure.frames.join('\n')} what="Frames" />
            )}
          </h3>
          {failure.frames.length === 0 ? (
            <p class="soft">The error has no frame of the application.</p>
          ) : (
            <pre class="frames">{failure.frames.join('\n')}</pre>
          )}
        </div>
        <div>
          <h3>By queue</h3>
          <ul class="shares">
            {failure.queues.map(({ queue, count }) => (
              <li key={queue}>
                <a class="name" href={to('queues', queue)}>
                  {queue}
                </a>
                <Meter part={count} of={most} tone="bad" />
                <span class="num">{countText(count)}</span>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </div>
  )
}
