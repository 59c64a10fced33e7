import type { WirePreview } from '../../../src/http/wire.ts'
import { previewSchedule } from '../../api/schedules.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { Icon } from '../../components/icon.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { useLoad } from '../../loading.ts'
import { zone } from '../../time.ts'

const MANY = 20

/** The next ticks beside a list, or more of them than the page of a schedule has. */
export function PreviewDialog(props: { name: string; timeZone: string | null }) {
  const { name } = props
  const found = useLoad(`many ${name}`, (signal) => previewSchedule(name, MANY, signal))
  return (
    <Dialog title={`Next ticks of ${name}`}>
      <Panel state={found} again={found.reload}>
        {(ticks) => <Ticks found={ticks} timeZone={props.timeZone ?? 'UTC'} />}
      </Panel>
    </Dialog>
  )
}

/** 2026-12-01T02:30:00 → Tue 1 Dec 2026, 02:30. It is a time of the schedule's zone, and no place in time. */
function localText(local: string): string {
  const [date = '', time = ''] = local.split('T')
  const at = Date.parse(`${date}T00:00:00Z`)
  if (Number.isNaN(at)) return local
  return `${dateFormat.format(at)}, ${time.replace(/:00$/, '')}`
}

const dateFormat = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})

/** Ticks to come, in the zone of the schedule and in yours; what a change of the clock does stands below. */
export function Ticks({ found, timeZone }: { found: WirePreview; timeZone: string }) {
  if (found.items.length === 0) return <Empty title="No tick is left" />
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">{timeZone}</th>
          {zone.value !== timeZone && <th scope="col">{zone.value}</th>}
          <th scope="col" class="num">
            From now
          </th>
        </tr>
      </thead>
      <tbody>
        {found.items.map((one) => (
          <tr key={one.at}>
            <td>
              {localText(one.local)} <span class="soft">{one.offset}</span>
              {one.note !== null && (
                <span class="line warn">
                  <Icon name="warning" /> {one.note}
                </span>
              )}
            </td>
            {zone.value !== timeZone && (
              <td class="wide-only">
                <Stamp at={one.at} />
              </td>
            )}
            <td class="num when">
              <Ago at={one.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
