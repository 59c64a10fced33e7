import { findAudit } from '../../api/audit.ts'
import { findBulk } from '../../api/bulk.ts'
import { Pager } from '../../components/pager.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { TextFilter } from '../../components/text-filter.tsx'
import { useLoad } from '../../loading.ts'
import { query, setQuery } from '../../router.ts'
import { useRowKeys } from '../../rows.ts'
import { ActionList } from './action-list.tsx'
import { BULK_KEYS, BulkRow } from './bulk-row.tsx'

/** Who did what, did it end well, and can it be taken back? */
export default function Actions() {
  const q = query.value.get('q') ?? ''
  const cursor = query.value.get('cursor')
  useRowKeys('On many jobs', BULK_KEYS)
  const bulk = useLoad('bulk', (signal) => findBulk(null, signal), 5_000)
  const audit = useLoad(
    `${q} ${cursor}`,
    (signal) => findAudit({ q: termsOf(q) || null, cursor }, signal),
    5_000,
  )
  const after = () => {
    bulk.reload()
    audit.reload()
  }
  return (
    <>
      <div class="head">
        <h1>Actions</h1>
        <TextFilter
          value={q}
          isBroad
          label="actor:ada verb:queues.* target:queue:mail"
          onChange={(next) => setQuery({ q: next, cursor: null })}
        />
      </div>
      {cursor === null && (
        <Panel
          title="On many jobs"
          state={bulk}
          again={bulk.reload}
          rows={2}
          isEmpty={({ items }) => items.length === 0}
          empty={
            <Empty title="No action on many jobs yet">
              Select jobs, or all that match a filter, and retry, cancel, move or delete them. It
              can be slowed, stopped, and where possible taken back here.
            </Empty>
          }
        >
          {({ items }) => (
            <ul class="bulks">
              {items.slice(0, 10).map((one) => (
                <BulkRow key={one.id} bulk={one} after={after} />
              ))}
            </ul>
          )}
        </Panel>
      )}
      <Panel
        title="All actions"
        state={audit}
        again={audit.reload}
        rows={8}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <Empty title={q === '' ? 'Nothing was done yet' : 'No action fits'}>
            Every action stands here, allowed or refused: who, what, why, from where.
          </Empty>
        }
      >
        {({ items }) => <ActionList entries={items} />}
      </Panel>
      <Pager next={audit.data?.next ?? null} />
    </>
  )
}

/** A word without a key is an actor. */
const termsOf = (q: string): string =>
  q
    .split(/\s+/)
    .map((one) => (one === '' || /^[a-z]+:/.test(one) ? one : `actor:${one}`))
    .join(' ')
