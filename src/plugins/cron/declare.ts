import { inspect } from '../../core/check.ts'
import { ChancyError } from '../../core/errors.ts'
import { textArray } from '../../database/array-literal.ts'
import type { PluginAccess, PluginHost } from '../../plugin/access/plugin-access.ts'
import {
  acting,
  cronAccess,
  FIRE_LOOP,
  find,
  optimistically,
  type ScheduleActionOptions,
} from './access.ts'
import { type Declared, editedRow } from './edited-row.ts'
import { type Schedule, scheduleOf, summaryOf } from './schedule.ts'
import {
  checkKey,
  type Definition,
  definitionOf,
  type ScheduleOptions,
} from './schedule-options.ts'
import { putSchedules, removeSchedules, type ScheduleRow } from './statements/schedules.ts'

/**
 * Declares a schedule. The options are the whole definition: the same key again replaces it, and keeps whether it is
 * paused. A tick that is due is fired with the new definition.
 *
 * @throws {ConfigError} when an option is wrong, also for an expression that never happens
 * @throws {ChancyError} `SCHEDULE_KEY_TAKEN` when a set that is declared in code has the key
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function schedule<R, A>(
  chancy: PluginHost,
  options: ScheduleOptions<R, A>,
  given?: ScheduleActionOptions,
): Promise<Schedule> {
  const access = cronAccess(chancy)
  const declared = await encoded(access, definitionOf(options, 'schedule'))
  const { key } = declared
  return acting(access, given, { call: 'schedule', verb: 'edit', key }, async (session) => {
    let before: ScheduleRow | null = null
    let isChanged = false
    await optimistically(access, key, session, async ({ row, nowMs }) => {
      checkOwner(key, row, null)
      before = row
      const edit = editedRow(declared, row, null, nowMs)
      isChanged = edit.isNeeded
      if (!edit.isNeeded) return true
      const written = await access.database.run(putSchedules, [JSON.stringify([edit.row])], {
        session,
      })
      if (written.length === 0) return false
      await access.wake(FIRE_LOOP, { session })
      return true
    })
    const { row } = await find(access, key, session)
    // Removed by another process in this moment.
    if (row === null) throw changedMeanwhile(key)
    const outcome = isChanged ? 'done' : 'unchanged'
    return { value: scheduleOf(row), outcome, before: summaryOf(before), after: summaryOf(row) }
  })
}

/**
 * Removes a schedule. Jobs that it has pushed stay. One of a set comes back when the set is applied again.
 *
 * @returns whether there was one
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function unschedule(
  chancy: PluginHost,
  key: string,
  given?: ScheduleActionOptions,
): Promise<boolean> {
  const access = cronAccess(chancy)
  checkKey(key, 'unschedule')
  return acting(access, given, { call: 'unschedule', verb: 'delete', key }, async (session) => {
    const removed = await access.database.run(removeSchedules, [textArray([key])], { session })
    const isThere = removed.length > 0
    return { value: isThere, outcome: isThere ? 'done' : 'unchanged' }
  })
}

/** With its job as JSON. @throws {ConfigError} when the job cannot be stored */
export async function encoded({ encode }: PluginAccess, definition: Definition): Promise<Declared> {
  return { ...definition, stored: await encode(definition.job) }
}

/** @throws {ChancyError} `SCHEDULE_KEY_TAKEN` */
export function checkOwner(key: string, row: ScheduleRow | null, owner: string | null): void {
  if (row === null || row.owner === owner) return
  const found =
    row.owner === null ? 'was made by schedule()' : `belongs to the set ${inspect(row.owner)}`
  throw new ChancyError(
    'SCHEDULE_KEY_TAKEN',
    `The schedule ${inspect(key)} ${found}, and is not changed by ${
      owner === null ? 'schedule()' : `the set ${inspect(owner)}`
    }. Use another key, or remove it first: unschedule(chancy, ${inspect(key)}).`,
    { details: { key, owner: row.owner } },
  )
}

function changedMeanwhile(key: string): ChancyError {
  return new ChancyError(
    'SCHEDULE_NOT_FOUND',
    `The schedule ${inspect(key)} was removed by another process while it was declared.`,
    { details: { key } },
  )
}
