import { Empty, Panel } from '../../components/panel.tsx'
import { TextFilter } from '../../components/text-filter.tsx'
import { useTopic } from '../../live.ts'
import { query, setQuery } from '../../router.ts'
import { useRowKeys } from '../../rows.ts'
import type { PageProps } from '../page-props.ts'
import { SchedulePage } from './schedule.tsx'
import { ScheduleTable } from './schedule-table.tsx'

/** What runs next, did the last one, and what will a change of the clock do? */
export default function Schedules({ parts: [key] }: PageProps) {
  return key === undefined ? <ScheduleList /> : <SchedulePage key={key} name={key} />
}

function ScheduleList() {
  const state = useTopic('schedules')
  const filter = query.value.get('q') ?? ''
  useRowKeys('Row', { n: 'run it now', P: 'pause or resume it', v: 'preview its next ticks' })
  const shown = (state.data?.items ?? [])
    .filter(({ key, job }) => `${key} ${job.name}`.toLowerCase().includes(filter.toLowerCase()))
    .sort(
      (a, b) =>
        Number(b.state === 'broken') - Number(a.state === 'broken') || (a.key < b.key ? -1 : 1),
    )
  return (
    <>
      <div class="head">
        <h1>Schedules</h1>
        <TextFilter
          value={filter}
          label="Schedules by key or job"
          onChange={(q) => setQuery({ q })}
        />
      </div>
      <Panel
        state={state}
        rows={6}
        isEmpty={() => shown.length === 0}
        empty={
          filter === '' ? (
            <Empty
              title="No schedule yet"
              command={`await schedule(chancy, 'digest', { cron: '30 2 * * *', timeZone: 'Europe/Berlin', job: digest })`}
              what="Example"
            >
              Declare one in your application, or with the command <code>chancy schedule</code>.
            </Empty>
          ) : (
            <Empty title="No schedule fits">Shorten the filter.</Empty>
          )
        }
      >
        {() => <ScheduleTable schedules={shown} />}
      </Panel>
      {state.data?.next != null && (
        <p class="soft">
          Only the first {shown.length} by key are shown: filter by more of the key.
        </p>
      )}
    </>
  )
}
