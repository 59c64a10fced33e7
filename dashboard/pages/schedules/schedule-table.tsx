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
            <th scope="col">Zone</th>
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
                <When schedule={one} />
              </td>
              <td class="wide-only name">{one.timeZone ?? <span class="soft">UTC</span>}</td>
              <td data-label="next">
                <NextTick schedule={one} />
              </td>
              <td data-label="last">
                {one.lastJob === null ? (
                  <Stamp at={one.lastAt} />
                ) : (
                  <a href={to('jobs', one.lastJob)}>
                    <Stamp at={one.lastAt} />
                  </a>
                )}
                {one.missed > 0 && <span class="warn"> {one.missed} missed</span>}
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

export function When({ schedule }: { schedule: WireSchedule }) {
  if (schedule.everyMs !== null) return <>every {spanText(schedule.everyMs)}</>
  const words = schedule.cron === null ? null : cronWords(schedule.cron)
  return (
    <>
      <code>{schedule.cron}</code>
      {words !== null && <span class="line soft">{words}</span>}
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
