import { checkInteger, checkOneOf, checkOptions } from '../../core/check.ts'
import type { PluginHost } from '../../plugin/access/plugin-access.ts'
import { cronAccess, find } from './access.ts'
import { dateOf, type Schedule, type ScheduleState, STATES, scheduleOf } from './schedule.ts'
import { checkKey } from './schedule-options.ts'
import { listSchedules } from './statements/schedules.ts'
import { listTicks, type TickRow } from './statements/ticks.ts'

/** Which schedules `getSchedules` returns, in the order of their keys. */
export interface ListSchedulesOptions {
  /** Their state. Default: all. */
  readonly state?: ScheduleState | undefined
  /** Those with a key behind this one: the last key of the page before. Default: the first page. */
  readonly after?: string | undefined
  /** 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined
}

/** What became of a tick, or of several that were missed together. */
export interface Tick {
  /** Of missed ticks, the newest. */
  readonly at: Date
  readonly what: 'fired' | 'skipped' | 'missed'
  /** When that was decided. */
  readonly recordedAt: Date
  /** The id of the job that was pushed, or null. */
  readonly job: string | null
  /** Of a skipped tick: the id of the job that had not finished. */
  readonly holder: string | null
  /** How many ticks, counted to 1,000: more than one only of missed ones. */
  readonly count: number
  /** Of missed ticks, the oldest; null otherwise. */
  readonly from: Date | null
  /** Why no job was pushed, or null. */
  readonly why: string | null
}

const [DEFAULT_LIMIT, MAX_LIMIT] = [100, 1_000]

/** The schedule, or null when there is none. */
export async function getSchedule(chancy: PluginHost, key: string): Promise<Schedule | null> {
  const access = cronAccess(chancy)
  checkKey(key, 'getSchedule')
  const { row } = await access.run(() => find(access, key, undefined))
  return row === null ? null : scheduleOf(row)
}

/** A page of schedules, in the order of their keys. */
export async function getSchedules(
  chancy: PluginHost,
  options?: ListSchedulesOptions,
): Promise<Schedule[]> {
  const { database, run } = cronAccess(chancy)
  const what = 'getSchedules'
  const given = checkOptions(options, ['state', 'after', 'limit'], what) as ListSchedulesOptions
  const { state, after } = given
  if (state !== undefined) checkOneOf(state, STATES, `${what}: state`)
  if (after !== undefined) checkKey(after, `${what}: after`)
  const values = [state ?? null, after ?? null, limitOf(given.limit, what)] as const
  return (await run(() => database.run(listSchedules, values))).map(scheduleOf)
}

/** What became of the ticks of a schedule, the newest first. They are kept for seven days. */
export async function getTicks(
  chancy: PluginHost,
  key: string,
  options?: { readonly limit?: number | undefined },
): Promise<Tick[]> {
  const { database, run } = cronAccess(chancy)
  checkKey(key, 'getTicks')
  const { limit } = checkOptions(options, ['limit'], 'getTicks') as ListSchedulesOptions
  const values = [key, limitOf(limit, 'getTicks')] as const
  return (await run(() => database.run(listTicks, values))).map(tickOfRow)
}

function limitOf(limit: number | undefined, what: string): number {
  return checkInteger(limit ?? DEFAULT_LIMIT, `${what}: limit`, { min: 1, max: MAX_LIMIT })
}

function tickOfRow(row: TickRow): Tick {
  return {
    at: new Date(row.at_ms),
    what: row.what as Tick['what'],
    recordedAt: new Date(row.recorded_ms),
    job: row.job,
    holder: row.holder,
    count: row.count,
    from: dateOf(row.from_ms),
    why: whyOf(row),
  }
}

function whyOf({ what, holder, count }: TickRow): string | null {
  if (what === 'skipped') return `the job ${holder} with the same unique key had not finished`
  if (what !== 'missed') return null
  const ticks = count === 1 ? 'the tick was' : `${count} ticks were`
  return `${ticks} too late, and catchUp leaves them out`
}
