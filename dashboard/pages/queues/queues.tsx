import type { WireQueue } from '../../../src/http/wire.ts'
import { Empty, Panel } from '../../components/panel.tsx'
import { TextFilter } from '../../components/text-filter.tsx'
import { reload, useTopic } from '../../live.ts'
import { query, setQuery } from '../../router.ts'
import { useRowKeys } from '../../rows.ts'
import { endedOf, perSecond, useManySeries } from '../../series.ts'
import { hasPlugin, may } from '../../session.ts'
import type { PageProps } from '../page-props.ts'
import { QueuePage } from './queue.tsx'
import { PauseOrResume } from './queue-acts.tsx'
import { QueueTable } from './queue-table.tsx'

/** Which line is stuck, and why? */
export default function Queues({ parts: [name] }: PageProps) {
  return name === undefined ? <QueueList /> : <QueuePage key={name} name={name} />
}

const MAX_SPARKS = 40

function QueueList() {
  const state = useTopic('queues')
  const filter = query.value.get('q') ?? ''
  const sort = query.value.get('sort') ?? ''
  const wanted = query.value.get('state')
  const shown = arranged(state.data?.items ?? [], { filter, sort, state: wanted })
  const sparks = useSparks(shown)
  useRowKeys('Row', { P: 'pause it for a time, or resume it' })
  return (
    <>
      <div class="head">
        <h1>Queues</h1>
        <TextFilter value={filter} label="Queues by name" onChange={(q) => setQuery({ q })} />
        <div class="tabs">
          {[null, 'active', 'paused', 'undeclared'].map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={wanted === one}
              onClick={() => setQuery({ state: one })}
            >
              {one ?? 'all'}
            </button>
          ))}
        </div>
      </div>
      <Panel
        state={state}
        rows={8}
        isEmpty={() => shown.length === 0}
        empty={<NoQueue isFiltered={(state.data?.items.length ?? 0) > 0} />}
      >
        {() => (
          <QueueTable
            queues={shown}
            sparks={sparks}
            sort={sort}
            {...(may('queues.pause')
              ? { acts: (queue) => <PauseOrResume queue={queue} after={reload} isSmall /> }
              : {})}
          />
        )}
      </Panel>
      {state.data?.items.length === 1 && state.data.items[0]?.name === 'default' && (
        <section class="panel" aria-label="No other queue">
          <NoQueue isFiltered={false} title="No other queue is declared" />
        </section>
      )}
    </>
  )
}

function NoQueue(props: { isFiltered: boolean; title?: string }) {
  if (props.isFiltered)
    return (
      <Empty title="No queue fits">
        Other queues are there: shorten the filter, or choose all.
      </Empty>
    )
  return (
    <Empty
      title={props.title ?? 'No queue is declared'}
      command={`await chancy.declare(new Queue('mail', { concurrency: 16 }))`}
      what="Example"
    >
      Declare one in your application; a queue that only has jobs appears here as undeclared.
    </Empty>
  )
}

function useSparks(queues: readonly WireQueue[]) {
  const names = queues.slice(0, MAX_SPARKS).map(({ name }) => name)
  const { data } = useManySeries(
    hasPlugin('metrics') ? names.map((name) => `queue:${name}`) : [],
    '1 h',
  )
  const found = new Map<string, readonly (number | null)[]>()
  for (const one of data?.series ?? [])
    if (one.name !== null) found.set(one.name, perSecond(one.points, data!.stepMs, endedOf))
  return hasPlugin('metrics') ? found : undefined
}

function arranged(
  queues: readonly WireQueue[],
  how: { readonly filter: string; readonly sort: string; readonly state: string | null },
): readonly WireQueue[] {
  const by: Readonly<Record<string, (queue: WireQueue) => number>> = {
    waiting: ({ counts }) => counts?.waiting ?? -1,
    running: ({ counts }) => counts?.running ?? -1,
    scheduled: ({ counts }) => counts?.scheduled ?? -1,
    blocked: ({ counts }) => counts?.blocked ?? -1,
    oldest: ({ oldestMs }) => oldestMs ?? -1,
  }
  const weight = by[how.sort] ?? (() => 0)
  return queues
    .filter(({ name }) => name.toLowerCase().includes(how.filter.toLowerCase()))
    .filter(({ state }) => how.state === null || state === how.state)
    .sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1))
}
