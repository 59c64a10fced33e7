import type { WireScheduleDetail } from '../../../src/http/wire.ts'
import { getSchedule, previewSchedule } from '../../api/schedules.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { Icon } from '../../components/icon.tsx'
import { JsonTree, readJson } from '../../components/json-tree.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { quoted } from '../../filter-words.ts'
import { useLoad } from '../../loading.ts'
import { plural } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { spanText } from '../../time.ts'
import { NoSuch } from '../no-such.tsx'
import { ScheduleActs } from './schedule-acts.tsx'
import { Ticks } from './schedule-preview.tsx'
import { When } from './schedule-table.tsx'

/** One schedule: its next ticks in its zone and in yours, and what became of the last ones. */
export function SchedulePage({ name }: { name: string }) {
  const state = useLoad(`schedule ${name}`, (signal) => getSchedule(name, signal), 10_000)
  const preview = useLoad(`preview ${name}`, (signal) => previewSchedule(name, 10, signal))
  const schedule = state.data?.schedule ?? null
  const after = () => {
    state.reload()
    preview.reload()
  }
  if (state.problem?.status === 404 && state.data === null)
    return (
      <NoSuch what="schedule" name={name} list={to('schedules')}>
        It was deleted, or is declared by another name.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('schedules')}>Schedules</a>
      </p>
      <div class="head">
        <h1>{name}</h1>
        {schedule !== null && <StateMark state={schedule.state} />}
        {schedule !== null && (
          <div class="acts">
            <ScheduleActs schedule={schedule} after={after} />
          </div>
        )}
      </div>
      {schedule?.error != null && (
        <section class="panel" aria-label="Error">
          <div class="message">
            <Icon name="warning" class="bad" />
            <div>
              <p>
                <strong>It is not fired: {schedule.error}</strong>
              </p>
              <p class="soft">Edit (e) or resume it when the reason is gone.</p>
            </div>
          </div>
        </section>
      )}
      <div class="grid two">
        <Panel title="Next ticks" state={preview} again={preview.reload}>
          {(found) => <Ticks found={found} timeZone={schedule?.timeZone ?? 'UTC'} />}
        </Panel>
        <Panel title="What it is" state={state} again={state.reload}>
          {(found) => <Facts detail={found} />}
        </Panel>
      </div>
      <Panel
        title="Last ticks"
        state={state}
        end={<a href={toJobs(`schedule:${quoted(name)}`)}>Its jobs</a>}
        isEmpty={({ ticks }) => ticks.length === 0}
        empty={<Empty title="No tick yet" />}
      >
        {({ ticks }) => (
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Tick</th>
                <th scope="col">Outcome</th>
                <th scope="col">Job</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {ticks.map((tick) => (
                <tr key={tick.at} data-row="">
                  <td>
                    <Stamp at={tick.at} />
                  </td>
                  <td>
                    <StateMark state={tick.what} />
                    {tick.count > 1 && ` ${plural(tick.count, 'tick')}`}
                  </td>
                  <td>
                    {tick.job !== null && (
                      <a href={to('jobs', tick.job)}>
                        <code>{tick.job.slice(0, 13)}…</code>
                      </a>
                    )}
                  </td>
                  <td class="soft full">{tick.why}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
    </>
  )
}

function Facts({ detail: { schedule } }: { detail: WireScheduleDetail }) {
  const { job } = schedule
  return (
    <dl class="facts body">
      <dt>When</dt>
      <dd>
        <When schedule={schedule} />
      </dd>
      <dt>Job</dt>
      <dd>
        <a href={toJobs(`name:${quoted(job.name)}`)}>{job.name}</a> in{' '}
        <a href={to('queues', job.queue)}>{job.queue}</a>
      </dd>
      <dt>Overlap</dt>
      <dd>{schedule.overlap}</dd>
      {schedule.jitterMs > 0 && (
        <>
          <dt>Jitter</dt>
          <dd>up to {spanText(schedule.jitterMs)}</dd>
        </>
      )}
      {schedule.pausedUntil !== null && (
        <>
          <dt>Paused until</dt>
          <dd>
            <Stamp at={schedule.pausedUntil} />
          </dd>
        </>
      )}
      {schedule.pauseReason !== null && (
        <>
          <dt>Paused, because</dt>
          <dd>{schedule.pauseReason}</dd>
        </>
      )}
      <dt>Declared</dt>
      <dd>
        {schedule.owner === null ? 'by hand' : `by the code of ${schedule.owner}`},{' '}
        <Ago at={schedule.createdAt} />
      </dd>
      <dt>Args</dt>
      <dd>
        <JsonTree node={readJson(job.args.json)} />
      </dd>
    </dl>
  )
}
