import { checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { Reference } from '../../core/reference.ts'
import type { PluginAccess, PluginHost } from '../../plugin/access/plugin-access.ts'
import {
  acting,
  cronAccess,
  FIRE_LOOP,
  find,
  notFound,
  optimistically,
  type ScheduleActionOptions,
  type ScheduleDeed,
} from './access.ts'
import { planTick } from './catch-up.ts'
import { readPolicy } from './policy.ts'
import { type Schedule, scheduleOf, summaryOf } from './schedule.ts'
import { checkKey } from './schedule-options.ts'
import { runSchedule, type ScheduleRow, setState } from './statements/schedules.ts'
import { readTiming } from './stored-timing.ts'

/** Options of `pauseSchedule`. */
export interface PauseOptions {
  /** Up to 1,000 bytes. */
  readonly reason?: string | undefined
  /** When the pause ends by itself. Default: with `resumeSchedule` alone. */
  readonly until?: Date | undefined
}

const MAX_REASON_BYTES = 1_000

/**
 * Fires nothing of a schedule until it is resumed. What falls into the pause is not caught up.
 *
 * @throws {NotFoundError} `SCHEDULE_NOT_FOUND`
 * @throws {ConfigError} when `until` is not in the future of the database
 */
export async function pauseSchedule(
  chancy: PluginHost,
  key: string,
  options?: PauseOptions,
  given?: ScheduleActionOptions,
): Promise<Schedule> {
  const { reason, until } = checkOptions(
    options,
    ['reason', 'until'],
    'pauseSchedule',
  ) as PauseOptions
  if (reason !== undefined)
    checkText(reason, { what: 'pauseSchedule: reason', maxBytes: MAX_REASON_BYTES })
  if (until !== undefined && (!(until instanceof Date) || Number.isNaN(until.getTime())))
    throw new ConfigError(`pauseSchedule: until: expected a Date, got ${inspect(until)}.`)
  const resumeMs = until?.getTime() ?? null
  return change(chancy, given, { call: 'pauseSchedule', verb: 'pause', key }, (row, nowMs) => {
    if (row.state === 'ended') return null
    if (resumeMs !== null && resumeMs <= nowMs) {
      throw new ConfigError(
        `pauseSchedule: until: expected an instant in the future of the database (${new Date(nowMs).toISOString()}), got ${inspect(until)}.`,
      )
    }
    const from = resumeMs === null ? null : Math.max(resumeMs - 1, row.passed_ms ?? 0)
    return { state: 'paused', reason: reason ?? null, resumeMs, ...nextOf(row, from) }
  })
}

/**
 * Fires a schedule again from its next tick on. A broken one keeps the tick that broke it, which goes by `catchUp`.
 *
 * @throws {NotFoundError} `SCHEDULE_NOT_FOUND`
 * @throws {ChancyError} `SCHEDULE_UNREADABLE`
 */
export function resumeSchedule(
  chancy: PluginHost,
  key: string,
  given?: ScheduleActionOptions,
): Promise<Schedule> {
  return change(chancy, given, { call: 'resumeSchedule', verb: 'resume', key }, (row, nowMs) => {
    if (row.state !== 'paused' && row.state !== 'broken') return null
    const isKept = row.state === 'broken' && row.next_ms !== null
    const from = isKept ? (row.next_ms ?? 0) - 1 : Math.max(nowMs, row.passed_ms ?? 0)
    const next = nextOf(row, from)
    const state = next.nextMs === null ? 'ended' : 'active'
    return { state, reason: null, resumeMs: null, ...next }
  })
}

/**
 * Pushes the job of a schedule now, beside its ticks and whatever its state, under the same overlap rule. With
 * `'skip'`, the job that is there already is returned, and `created` is false.
 *
 * @throws {NotFoundError} `SCHEDULE_NOT_FOUND`
 */
export async function runNow(
  chancy: PluginHost,
  key: string,
  given?: ScheduleActionOptions,
): Promise<Reference<unknown>> {
  const access = cronAccess(chancy)
  const { database, wake } = access
  checkKey(key, 'runNow')
  return acting(access, given, { call: 'runNow', verb: 'run', key }, async (session) => {
    const [pushed] = await database.run(runSchedule, [key], { session })
    if (pushed === undefined) throw notFound(key)
    // With the policy 'replace' the loop cancels the earlier job.
    await wake(FIRE_LOOP, { session })
    const { job, created } = pushed
    const outcome = created ? 'done' : 'unchanged'
    return { value: new Reference<unknown>(job, created), outcome, after: { job } }
  })
}

interface NewState {
  readonly state: string
  readonly reason: string | null
  readonly resumeMs: number | null
  readonly nextMs: number | null
  readonly dueMs: number | null
}

/** Changes a state, unless `decide` returns null. */
async function change(
  chancy: PluginHost,
  given: ScheduleActionOptions | undefined,
  deed: ScheduleDeed,
  decide: (row: ScheduleRow, nowMs: number) => NewState | null,
): Promise<Schedule> {
  const access = cronAccess(chancy)
  const { key } = deed
  checkKey(key, 'schedule')
  return acting(access, given, deed, async (session) => {
    let before: ScheduleRow | null = null
    let isChanged = false
    await optimistically(access, key, session, ({ row, nowMs }) => {
      if (row === null) throw notFound(key)
      before = row
      const to = decide(row, nowMs)
      isChanged = to !== null
      return to === null ? Promise.resolve(true) : write(access, row, to, session)
    })
    const { row } = await find(access, key, session)
    if (row === null) throw notFound(key)
    const outcome = isChanged ? 'done' : 'unchanged'
    return { value: scheduleOf(row), outcome, before: summaryOf(before), after: summaryOf(row) }
  })
}

async function write(
  { database, wake }: PluginAccess,
  { key, version }: ScheduleRow,
  { state, reason, resumeMs, nextMs, dueMs }: NewState,
  session: unknown,
): Promise<boolean> {
  const values = [key, version, state, reason, resumeMs, nextMs, dueMs] as const
  const written = await database.run(setState, values, { session })
  if (written.length === 0) return false
  await wake(FIRE_LOOP, { session })
  return true
}

/** The first tick after an instant, or none. */
function nextOf(row: ScheduleRow, afterMs: number | null): Pick<NewState, 'nextMs' | 'dueMs'> {
  if (afterMs === null) return { nextMs: null, dueMs: null }
  const timing = readTiming(JSON.parse(row.timing))
  const { jitter } = readPolicy(JSON.parse(row.policy))
  const tick = { key: row.key, timing, jitterMs: jitter }
  // A broken one keeps its own tick, which its timing of now may not have.
  const kept = row.state === 'broken' && row.next_ms === afterMs + 1 ? new Date(row.next_ms) : null
  const planned = planTick(tick, kept ?? timing.next(new Date(afterMs)))
  return { nextMs: planned?.at.getTime() ?? null, dueMs: planned?.dueAt.getTime() ?? null }
}
