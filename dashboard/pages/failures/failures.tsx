import { findFailures } from '../../api/failures.ts'
import { findJobs } from '../../api/jobs.ts'
import { Icon } from '../../components/icon.tsx'
import { Pager } from '../../components/pager.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { hrefWith, query, setQuery, toJobs } from '../../router.ts'
import { useRowKeys } from '../../rows.ts'
import { hasPlugin } from '../../session.ts'
import { JobTable } from '../jobs/job-table.tsx'
import type { PageProps } from '../page-props.ts'
import { FailurePage } from './failure.tsx'
import { FailureActs } from './failure-acts.tsx'
import { FailureList } from './failure-list.tsx'

/** What breaks, since when, is it new, and how is all of it repaired? */
export default function Failures({ parts: [fingerprint] }: PageProps) {
  if (!hasPlugin('failures')) return <NotGrouped />
  return fingerprint === undefined ? (
    <Groups />
  ) : (
    <FailurePage key={fingerprint} fingerprint={fingerprint} />
  )
}

/** Without the plugin: the failed jobs, and how it is switched on. */
function NotGrouped() {
  const jobs = useLoad(
    'failed jobs',
    (signal) => findJobs({ q: 'state:failed', order: 'ended', cursor: null, limit: 50 }, signal),
    10_000,
  )
  return (
    <>
      <div class="head">
        <h1>Failures</h1>
      </div>
      <section class="panel" aria-label="Failures are not grouped">
        <Empty
          title="Failures are not grouped"
          command={
            "new Chancy(database, { plugins: [failures()] }) // from 'chancy/plugins/failures'"
          }
          what="Example"
        >
          With the plugin failures() those that are alike are one line, with what is new. It is not
          part of the application that serves this page.
        </Empty>
      </section>
      <Panel
        title="Failed jobs"
        state={jobs}
        again={jobs.reload}
        end={<a href={toJobs('state:failed', 'ended')}>All of them</a>}
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty title="No job has failed" />}
      >
        {({ items }) => (
          <JobTable jobs={items} columns={['name', 'queue', 'attempts', 'finished', 'error']} />
        )}
      </Panel>
    </>
  )
}

const STATES = ['open', 'muted', 'resolved'] as const
const ORDERS = { last: 'Last seen', most: 'Most often', new: 'Newest' } as const

function Groups() {
  const params = query.value
  const state = params.get('state') ?? 'open'
  const order = params.get('order') ?? 'last'
  const wanted = {
    state,
    order: order === 'last' ? null : order,
    name: params.get('name'),
    kind: params.get('kind'),
    version: params.get('version'),
    cursor: params.get('cursor'),
  }
  const isPlain =
    state === 'open' &&
    order === 'last' &&
    !wanted.name &&
    !wanted.kind &&
    !wanted.version &&
    !wanted.cursor
  // The topic is what is open, last seen first. Anything else is asked for.
  const live = useTopic(isPlain ? 'failures' : null)
  const found = useLoad(
    isPlain ? null : JSON.stringify(wanted),
    (signal) => findFailures(wanted, signal),
    10_000,
  )
  const page = isPlain ? live : found
  useRowKeys('Row', { t: 'retry all of the group', m: 'mute or unmute it', s: 'resolve it' })
  return (
    <>
      <div class="head">
        <h1>Failures</h1>
        <nav class="tabs" aria-label="State">
          {STATES.map((one) => (
            <a
              key={one}
              href={hrefWith({ state: one === 'open' ? null : one, cursor: null })}
              aria-current={state === one ? 'true' : undefined}
            >
              {one}
            </a>
          ))}
        </nav>
        <div class="acts">
          <label class="text-filter">
            <span class="unseen">Order</span>
            <select
              value={order}
              onInput={(event) =>
                setQuery({
                  order: event.currentTarget.value === 'last' ? null : event.currentTarget.value,
                })
              }
            >
              {Object.entries(ORDERS).map(([one, label]) => (
                <option key={one} value={one}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          {(['name', 'kind', 'version'] as const).map((one) =>
            wanted[one] === null ? null : (
              <a
                key={one}
                class="button"
                href={hrefWith({ [one]: null, cursor: null })}
                aria-label={`Without the ${one} ${wanted[one]}`}
              >
                {one} {wanted[one]} <Icon name="cross" />
              </a>
            ),
          )}
        </div>
      </div>
      <Panel
        state={page}
        again={isPlain ? undefined : found.reload}
        rows={6}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <Empty title={state === 'open' ? 'Nothing has failed in 30 days' : `Nothing is ${state}`}>
            Attempts that fail alike stand here as one line.{' '}
            <a href={toJobs('state:failed', 'ended')}>Failed jobs</a>
          </Empty>
        }
      >
        {({ items }) => (
          <FailureList
            failures={items}
            acts={(failure) => <FailureActs failure={failure} after={found.reload} small />}
          />
        )}
      </Panel>
      <Pager next={page.data?.next ?? null} />
    </>
  )
}
