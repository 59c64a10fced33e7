import type { WireGroup } from '../../../src/http/wire.ts'
import { findGroups, getGroup } from '../../api/groups.ts'
import { Meter } from '../../components/meter.tsx'
import { Pager } from '../../components/pager.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { TextFilter } from '../../components/text-filter.tsx'
import { quoted } from '../../filter-words.ts'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { boundedText, countText, plural } from '../../numbers.ts'
import { query, setQuery, to, toJobs } from '../../router.ts'
import { spanText } from '../../time.ts'
import type { PageProps } from '../page-props.ts'
import { GroupPage } from './group.tsx'
import { QueueRates } from './queue-rates.tsx'

/** Which limit holds whom? */
export default function Groups({ parts: [key] }: PageProps) {
  return key === undefined ? <GroupList /> : <GroupPage key={key} name={key} load={getGroup} />
}

function GroupList() {
  const prefix = query.value.get('q') ?? ''
  const cursor = query.value.get('cursor')
  const isPlain = prefix === '' && cursor === null
  const live = useTopic(isPlain ? 'groups' : null)
  const found = useLoad(
    isPlain ? null : `${prefix} ${cursor}`,
    (signal) => findGroups({ prefix: prefix || null, cursor }, signal),
    5_000,
  )
  const state = isPlain ? live : found
  return (
    <>
      <div class="head">
        <h1>Groups</h1>
        <TextFilter
          value={prefix}
          label="Groups that begin with"
          onChange={(q) => setQuery({ q, cursor: null })}
        />
        <span class="soft">Jobs that share a limit of how many run concurrently.</span>
      </div>
      <div class="grid main-side">
        <div>
          <Panel
            state={state}
            again={isPlain ? undefined : found.reload}
            rows={6}
            isEmpty={({ items }) => items.length === 0}
            empty={
              <Empty
                title={
                  prefix === ''
                    ? 'No limited job waits or runs'
                    : `No group begins with "${prefix}"`
                }
                command={prefix === '' ? EXAMPLE : undefined}
                what="Example"
              >
                A group is there while jobs of it wait or run.
              </Empty>
            }
          >
            {({ items }) => <Table groups={items} />}
          </Panel>
          <Pager next={state.data?.next ?? null} />
        </div>
        <QueueRates />
      </div>
    </>
  )
}

const EXAMPLE = `greet.job.withConcurrency(1, ({ userId }) => userId)`

function Table({ groups }: { groups: readonly WireGroup[] }) {
  // The page of a group has them; a list may leave them out.
  const hasHolders = groups.some(({ holders }) => holders.length > 0)
  return (
    <div class="scroll">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col" class="num">
              Running
            </th>
            <th scope="col" class="num">
              Blocked
            </th>
            {hasHolders && (
              <>
                <th scope="col" class="num">
                  Held longest
                </th>
                <th scope="col">Holders</th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.key} data-row="">
              <th scope="row" class="full">
                <a class="name" href={to('groups', group.key)}>
                  {group.key}
                </a>
              </th>
              <td class="num" data-label="running">
                {countText(group.running)}
                {group.max !== null && <span class="soft">/{countText(group.max)}</span>}{' '}
                {group.max !== null && (
                  <Meter
                    part={group.running}
                    of={group.max}
                    tone={group.running >= group.max ? 'warn' : ''}
                  />
                )}
              </td>
              <td class="num" data-label="blocked">
                {group.blocked.jobs === 0 ? (
                  <span class="soft">0</span>
                ) : (
                  <a href={toJobs(`group:${quoted(group.key)} state:waiting`)}>
                    {boundedText(group.blocked.jobs, { more: group.blocked.more })}
                  </a>
                )}
              </td>
              {hasHolders && (
                <>
                  <td class="num wide-only">
                    {group.heldLongestMs === null ? (
                      <span class="soft">–</span>
                    ) : (
                      <span class={group.heldLongestMs > 600_000 ? 'warn' : ''}>
                        {spanText(group.heldLongestMs)}
                      </span>
                    )}
                  </td>
                  <td class="wide-only">
                    <Holders group={group} />
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Holders({ group }: { group: WireGroup }) {
  const [first] = group.holders
  const others = group.running - 1
  if (first === undefined) return <span class="soft">–</span>
  return (
    <>
      <a class="name" href={to('jobs', first.id)}>
        {first.name} <code>{first.id.slice(0, 8)}</code>
      </a>
      {others > 0 && (
        <a class="soft" href={to('groups', group.key)}>
          {' '}
          and {plural(others, 'other')}
        </a>
      )}
    </>
  )
}
