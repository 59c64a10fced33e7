import { useEffect, useRef, useState } from 'preact/hooks'
import type { WireJobRow, WirePage } from '../../../src/http/wire.ts'
import { findJobs, type JobOrder } from '../../api/jobs.ts'
import type { ApiProblem } from '../../api/problem.ts'
import { FilterBox } from '../../components/filter-box.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { plural } from '../../numbers.ts'
import { query, setQuery } from '../../router.ts'
import { stampText } from '../../time.ts'
import { ColumnsMenu, ExportMenu, OrderMenu, SavedMenu } from './job-menus.tsx'
import { DEFAULT_COLUMNS, JobTable } from './job-table.tsx'
import { NoJob } from './no-job.tsx'
import { useSelection } from './selection.ts'
import { SelectionBar } from './selection-bar.tsx'

const LIMIT = 50
/** How long a search continues by itself. */
const SEARCH_MS = 5_000

/** The jobs that fit a filter: the first page is live, and never jumps. */
export function JobList() {
  const q = query.value.get('q') ?? ''
  const order = (query.value.get('order') as JobOrder | null) ?? 'newest'
  const cursor = query.value.get('cursor')
  const columns = query.value.get('columns')?.split(',') ?? DEFAULT_COLUMNS
  const isLive = cursor === null && order === 'newest'
  const found = useSearch(q, order, cursor)
  const live = useTopic(isLive ? `jobs:${q}` : null)
  const { rows, fresh, showFresh } = useSteadyRows(found.page, isLive ? live.data : null)
  const selection = useSelection(
    rows.map(({ id }) => id),
    q,
  )
  const filterFault = found.problem?.code === 'FILTER_INVALID' ? found.problem : null
  const state = {
    data: found.page,
    at: found.at,
    problem: filterFault === null ? found.problem : null,
  }
  return (
    <>
      <div class="head">
        <h1>Jobs</h1>
        <div class="acts">
          <SavedMenu q={q} />
          <OrderMenu order={order} />
          <ColumnsMenu columns={columns} />
          <ExportMenu q={q} />
        </div>
      </div>
      <FilterBox
        value={q}
        fault={filterFault}
        onChange={(next) => setQuery({ q: next, cursor: null }, {})}
      />
      <SelectionBar selection={selection} filter={q} rows={rows} after={found.reload} />
      {fresh > 0 && (
        <p class="fresh" role="status">
          <button type="button" class="button small" onClick={showFresh}>
            {plural(fresh, 'new job')}: show {fresh === 1 ? 'it' : 'them'}
          </button>
        </p>
      )}
      <Panel
        state={state}
        rows={12}
        again={found.reload}
        isEmpty={() => rows.length === 0 && !found.isSearching}
        empty={<NoJob q={q} page={found.page} />}
      >
        {() => <JobTable jobs={rows} columns={columns} selection={selection} />}
      </Panel>
      <SearchFoot found={found} />
      <Pager next={found.page?.complete === false ? null : (found.page?.next ?? null)} />
    </>
  )
}

interface Search {
  readonly page: WirePage<WireJobRow> | null
  readonly at: number | null
  readonly problem: ApiProblem | null
  readonly isSearching: boolean
  proceed(): void
  reload(): void
}

/** A page; one that had to be searched is continued by itself for a while, and then by the button. */
function useSearch(q: string, order: JobOrder, cursor: string | null): Search {
  const key = `${q} ${order} ${cursor}`
  const first = useLoad(key, (signal) => findJobs({ q, order, cursor, limit: LIMIT }, signal))
  const [more, setMore] = useState<{ base: unknown; page: WirePage<WireJobRow> } | null>(null)
  const [until, setUntil] = useState(0)
  useEffect(() => setUntil(performance.now() + SEARCH_MS), [key])
  const page = more !== null && more.base === first.data ? more.page : first.data
  const wantsMore =
    page !== null && !page.complete && page.next !== null && page.items.length < LIMIT
  const isSearching = wantsMore && performance.now() < until
  const from = wantsMore ? page.next : null
  useEffect(() => {
    if (!isSearching || from === null || page === null) return
    const own = new AbortController()
    findJobs({ q, order, cursor: from, limit: LIMIT - page.items.length }, own.signal).then(
      (next) =>
        setMore({ base: first.data, page: { ...next, items: [...page.items, ...next.items] } }),
      () => {},
    )
    return () => own.abort()
  }, [from, isSearching])
  return {
    page,
    at: first.at,
    problem: first.problem,
    isSearching: isSearching || first.isLoading,
    proceed: () => setUntil(performance.now() + SEARCH_MS),
    reload: first.reload,
  }
}

function SearchFoot({ found }: { found: Search }) {
  const { page } = found
  if (page === null || page.complete) return null
  return (
    <p class="search-foot" role="status">
      <span class="soft">
        {page.reached === null
          ? 'Not everything was looked through.'
          : `Searched back to ${stampText(Date.parse(page.reached))}.`}
      </span>{' '}
      {found.isSearching ? (
        <span class="soft">Searching…</span>
      ) : (
        <button type="button" class="button small" onClick={found.proceed}>
          Search further back
        </button>
      )}
    </p>
  )
}

/** Rows change in place. New ones wait until they are asked for, so that nothing moves under the pointer. */
function useSteadyRows(page: WirePage<WireJobRow> | null, live: WirePage<WireJobRow> | null) {
  const shown = useRef<{ base: unknown; ids: readonly string[] }>({ base: null, ids: [] })
  const [, redraw] = useState(0)
  if (shown.current.base !== page)
    shown.current = { base: page, ids: page?.items.map(({ id }) => id) ?? [] }
  const known = new Map(page?.items.map((job) => [job.id, job]))
  for (const job of live?.items ?? []) known.set(job.id, job)
  const { ids } = shown.current
  const newest = live?.items.map(({ id }) => id).filter((id) => !ids.includes(id)) ?? []
  const top = ids[0] ?? ''
  const fresh = newest.filter((id) => id > top)
  return {
    rows: ids.map((id) => known.get(id)).filter((job) => job !== undefined),
    fresh: fresh.length,
    showFresh: () => {
      shown.current = { ...shown.current, ids: [...fresh, ...ids].slice(0, LIMIT) }
      redraw((count) => count + 1)
    },
  }
}
