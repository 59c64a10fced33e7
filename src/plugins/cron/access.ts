import { ACTION_OPTIONS, type ActionOptions } from '../../core/action-options.ts'
import { checkOptions, inspect } from '../../core/check.ts'
import { ChancyError, NotFoundError } from '../../core/errors.ts'
import {
  type Act,
  type PluginAccess,
  type PluginHost,
  pluginAccess,
} from '../../plugin/access/plugin-access.ts'
import type { ScheduleRow } from './statements/schedules.ts'
import { findSchedule } from './statements/schedules.ts'

export const CRON = 'chancy.cron'
/** The loop that fires what is due. */
export const FIRE_LOOP = 'fire'

/** The transaction of the caller. */
export interface SessionOption {
  /** The caller's transaction, as `push` takes it. Default: none. */
  readonly session?: unknown
}

/** How often a row is read again that was written since it was read: an edit beside a busy schedule. */
const MAX_TRIES = 100

/** @throws {PluginError} `PLUGIN_MISSING` */
export function cronAccess(chancy: PluginHost): PluginAccess {
  return pluginAccess(chancy, CRON)
}

/** Options of what changes a schedule: with an actor or a reason, a row of the audit log is written with it. */
export interface ScheduleActionOptions extends SessionOption, ActionOptions {}

export function sessionOf(given: SessionOption | undefined, what: string): unknown {
  return checkOptions(given, ['session'], what).session
}

/** What is done to a schedule: `call` is the function, `verb` stands in the audit log. */
export interface ScheduleDeed {
  readonly call: string
  readonly verb: string
  readonly key: string
}

/** Changes a schedule, in a transaction with its row of the audit log where something says who acts or why. */
export async function acting<T>(
  access: PluginAccess,
  given: ScheduleActionOptions | undefined,
  { call, verb, key }: ScheduleDeed,
  work: Act<T>,
): Promise<T> {
  const { session, ...by } = checkOptions(given, ['session', ...ACTION_OPTIONS], call)
  if (ACTION_OPTIONS.every((name) => by[name] === undefined))
    return access.run(async () => (await work(session)).value)
  const deed = { verb: `schedules.${verb}`, target: `schedule:${key}` }
  return access.act(by as ActionOptions, deed, work, session === undefined ? {} : { session })
}

export interface FoundSchedule {
  readonly row: ScheduleRow | null
  /** The time of the database. */
  readonly nowMs: number
}

export async function find(
  { database }: PluginAccess,
  key: string,
  session: unknown,
): Promise<FoundSchedule> {
  const [found] = await database.run(findSchedule, [key], { session })
  if (found === undefined) throw new Error('the search for a schedule returned no row')
  return { row: found.key === null ? null : found, nowMs: found.now_ms }
}

/**
 * Reads a row and writes what becomes of it, again when something else has written it meanwhile. `write` returns
 * whether its write was taken.
 */
export async function optimistically(
  access: PluginAccess,
  key: string,
  session: unknown,
  write: (found: FoundSchedule) => Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (await write(await find(access, key, session))) return
  }
  throw new ChancyError(
    'DATABASE_FAILED',
    `The schedule ${inspect(key)} was written by others ${MAX_TRIES} times between its read and its write. Try again.`,
    { details: { key } },
  )
}

export function notFound(key: string): NotFoundError {
  return new NotFoundError('SCHEDULE_NOT_FOUND', `There is no schedule ${inspect(key)}.`, {
    details: { key },
  })
}
