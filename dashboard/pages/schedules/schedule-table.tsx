import type { WireSchedule } from '../../../src/http/wire.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { to } from '../../router.ts'
import { spanText } from '../../time.ts'
import { cronWords } from './cron-words.ts'
import { ScheduleActs } from './schedule-acts.tsx'

/** Schedules as rows: when, in which zone, what became of the last tick. */
export function ScheduleTable({ schedules }: { schedules: readonly WireSchedule[] }) {
  return (
    <div class="scroll">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">State</th>
            <th scope="col">When</th>
            <th scope="col">Next</th>
            <th scope="col">Last</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {schedules.map((one) => (
            <tr key={one.key} data-row="">
              <th scope="row" class="full">
                <a class="name" href={to('schedules', one.key)}>
                  {one.key}
                </a>{' '}
                {one.owner !== null && (
                  <span class="badge" title={`Declared by the code of ${one.owner}`}>
                    code
                  </span>
                )}
                {one.error !== null && <span class="line bad name">{one.error}</span>}
              </th>
              <td>
                <StateMark state={one.state} />
              </td>
              <td class="wide-only">
                <When schedule={one} hasZone />
              </td>
              <td data-label="next">
                <NextTick schedule={one} />
              </td>
              <td data-label="last">
                {one.lastJob === null ? (
                  (one.lastAt !== null || one.missed === 0) && <Stamp at={one.lastAt} />
                ) : (
                  <a href={to('jobs', one.lastJob)}>
                    <Stamp at={one.lastAt} />
                  </a>
                )}
                {one.missed > 0 && <span class="warn missed">{one.missed} missed</span>}
              </td>
              <td class="row-acts">
                <ScheduleActs schedule={one} isSmall />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** In words where there are some, and with the zone of its clock. */
export function When(props: { schedule: WireSchedule; hasZone?: boolean }) {
  const { cron, everyMs, timeZone } = props.schedule
  if (everyMs !== null) return <>every {spanText(everyMs)}</>
  const words = cron === null ? null : cronWords(cron)
  const about = [words, props.hasZone === true ? (timeZone ?? 'UTC') : null].filter(Boolean)
  return (
    <>
      <code>{cron}</code>
      {about.length > 0 && <span class="line soft">{about.join(' · ')}</span>}
    </>
  )
}

export function NextTick({ schedule }: { schedule: WireSchedule }) {
  if (schedule.nextAt === null)
    return schedule.pausedUntil === null ? (
      <span class="soft">–</span>
    ) : (
      <>
        paused until <Stamp at={schedule.pausedUntil} />
      </>
    )
  return (
    <>
      <Stamp at={schedule.nextAt} />
      <span class="line soft">
        <Ago at={schedule.nextAt} />
      </span>
    </>
  )
}
