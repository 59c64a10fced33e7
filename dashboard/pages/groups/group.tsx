import type { WireGroup } from '../../../src/http/wire.ts'
import { findJobs } from '../../api/jobs.ts'
import { Since } from '../../components/ago.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { quoted } from '../../filter-words.ts'
import { useLoad } from '../../loading.ts'
import { boundedText, countText } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { JobTable } from '../jobs/job-table.tsx'
import { NoSuch } from '../no-such.tsx'

/** One group: who holds it, and who waits for it. */
export function GroupPage(props: {
  name: string
  load: (key: string, signal: AbortSignal) => Promise<WireGroup>
}) {
  const { name } = props
  const state = useLoad(`group ${name}`, (signal) => props.load(name, signal), 5_000)
  const filter = `group:${quoted(name)} state:waiting`
  const jobs = useLoad(
    `waiting in ${name}`,
    (signal) => findJobs({ q: filter, order: null, cursor: null, limit: 20 }, signal),
    5_000,
  )
  if (state.problem?.status === 404 && state.data === null)
    return (
      <NoSuch what="group" name={name} list={to('groups')}>
        A group is there while jobs of it wait or run.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('groups')}>Groups</a>
      </p>
      <div class="head">
        <h1>{name}</h1>
        {state.data !== null && (
          <span class="soft">
            {countText(state.data.running)}
            {state.data.max !== null && ` of ${countText(state.data.max)}`} run,{' '}
            {boundedText(state.data.blocked.jobs, { more: state.data.blocked.more })} blocked
          </span>
        )}
      </div>
      <Panel
        title="Holders"
        state={state}
        again={state.reload}
        isEmpty={({ holders }) => holders.length === 0}
        empty={<Empty title="No job of it runs" />}
      >
        {({ holders }) => (
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">Queue</th>
                <th scope="col">Worker</th>
                <th scope="col" class="num">
                  Runs for
                </th>
              </tr>
            </thead>
            <tbody>
              {holders.map((one) => (
                <tr key={one.id} data-row="">
                  <th scope="row" class="full">
                    <a class="name" href={to('jobs', one.id)}>
                      {one.name} <code>{one.id.slice(0, 13)}…</code>
                    </a>
                  </th>
                  <td class="name">
                    <a href={to('queues', one.queue)}>{one.queue}</a>
                  </td>
                  <td>
                    {one.workerId !== null && (
                      <a href={to('workers', one.workerId)}>
                        <code>{one.workerId.slice(0, 13)}…</code>
                      </a>
                    )}
                  </td>
                  <td class="num">
                    <Since at={one.startedAt} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      <Panel
        title="Waiting for it"
        state={jobs}
        again={jobs.reload}
        end={<a href={toJobs(filter)}>All of them</a>}
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty title="No job waits for it" />}
      >
        {({ items }) => <JobTable jobs={items} columns={['name', 'queue', 'created', 'args']} />}
      </Panel>
    </>
  )
}
