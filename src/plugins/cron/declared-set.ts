import { checkOneOf, checkText, inspect } from '../../core/check.ts'
import { ChancyError, ConfigError } from '../../core/errors.ts'
import { textArray } from '../../database/array-literal.ts'
import type { PluginAccess } from '../../plugin/access/plugin-access.ts'
import { FIRE_LOOP } from './access.ts'
import { checkOwner, encoded } from './declare.ts'
import { type Declared, type Edit, editedRow } from './edited-row.ts'
import { type Definition, definitionOf } from './schedule-options.ts'
import {
  findSet,
  lockSet,
  putSchedules,
  removeSchedules,
  type ScheduleRow,
} from './statements/schedules.ts'

/** The schedules that an application declares in its code. */
export interface DeclaredSet {
  readonly name: string
  readonly apply: 'start' | 'manual'
  readonly definitions: readonly Definition[]
}

/** How a set differs from its rows. Keys, in their order. */
export interface ScheduleDiff {
  readonly added: readonly string[]
  readonly changed: readonly { readonly key: string; readonly fields: readonly string[] }[]
  readonly removed: readonly string[]
  readonly kept: readonly string[]
}

const MAX_NAME_BYTES = 200
const MAX_TRIES = 100

/** @throws {ConfigError} */
export function declaredSet(schedules: unknown, set: unknown, apply: unknown): DeclaredSet | null {
  if (schedules === undefined) {
    const stray = set !== undefined ? 'set' : apply !== undefined ? 'apply' : null
    if (stray === null) return null
    throw new ConfigError(
      `cron: ${stray} goes with schedules. Give schedules: [], or leave it out.`,
    )
  }
  if (!Array.isArray(schedules))
    throw new ConfigError(`cron: schedules: expected an array, got ${inspect(schedules)}.`)
  if (set === undefined) {
    throw new ConfigError(
      'cron: set: expected the name of the set, such as "app". What the code of this application no longer has is removed from it, so no two applications share one.',
    )
  }
  const name = checkText(set, { what: 'cron: set', maxBytes: MAX_NAME_BYTES })
  const definitions = schedules.map((one, at) => definitionOf(one, `cron: schedules[${at}]`))
  const keys = definitions.map(({ key }) => key)
  const twice = keys.find((key, at) => keys.indexOf(key) !== at)
  if (twice !== undefined)
    throw new ConfigError(`cron: schedules: the key ${inspect(twice)} is there twice.`)
  return {
    name,
    apply: checkOneOf(apply ?? 'start', ['start', 'manual'], 'cron: apply'),
    definitions,
  }
}

interface Comparison {
  readonly diff: ScheduleDiff
  readonly edits: readonly Edit[]
}

/** Only reads. */
export async function diffSet(access: PluginAccess, set: DeclaredSet): Promise<ScheduleDiff> {
  const declared = await encodedSet(access, set)
  return (await compare(access, set, declared, undefined)).diff
}

/** One that changes nothing writes nothing. @throws {ChancyError} `SCHEDULE_KEY_TAKEN` */
export async function applySet(
  access: PluginAccess,
  set: DeclaredSet,
  session: unknown,
): Promise<ScheduleDiff> {
  const { database, wake } = access
  const declared = await encodedSet(access, set)
  const { diff } = await compare(access, set, declared, session)
  if (isSame(diff)) return diff
  const apply = async (inside: unknown): Promise<ScheduleDiff> => {
    await database.run(lockSet, [set.name], { session: inside })
    const applied = await write(access, set, declared, inside)
    await wake(FIRE_LOOP, { session: inside })
    return applied
  }
  return session === undefined ? database.driver.transaction(apply) : apply(session)
}

export function isSame({ added, changed, removed }: ScheduleDiff): boolean {
  return added.length + changed.length + removed.length === 0
}

function encodedSet(access: PluginAccess, { definitions }: DeclaredSet): Promise<Declared[]> {
  return Promise.all(definitions.map((one) => encoded(access, one)))
}

/** A firing may write between the read and the write of a row: that one is compared again. */
async function write(
  access: PluginAccess,
  set: DeclaredSet,
  declared: readonly Declared[],
  session: unknown,
): Promise<ScheduleDiff> {
  const { database } = access
  let applied: ScheduleDiff | null = null
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { diff, edits } = await compare(access, set, declared, session)
    applied ??= diff
    if (diff.removed.length > 0)
      await database.run(removeSchedules, [textArray(diff.removed)], { session })
    const rows = JSON.stringify(edits.map(({ row }) => row))
    const written = edits.length === 0 ? [] : await database.run(putSchedules, [rows], { session })
    if (written.length === edits.length) return applied
  }
  throw new ChancyError(
    'DATABASE_FAILED',
    `The schedules of the set ${inspect(set.name)} were written by others ${MAX_TRIES} times while they were applied. Try again.`,
    { details: { set: set.name } },
  )
}

async function compare(
  { database }: PluginAccess,
  { name }: DeclaredSet,
  declared: readonly Declared[],
  session: unknown,
): Promise<Comparison> {
  const keys = textArray(declared.map(({ key }) => key))
  const found = await database.run(findSet, [name, keys], { session })
  const nowMs = found[0]?.now_ms ?? 0
  const rows = new Map<string, ScheduleRow>()
  for (const row of found) if (row.key !== null) rows.set(row.key, row)
  const added: string[] = []
  const changed: { key: string; fields: readonly string[] }[] = []
  const kept: string[] = []
  const edits: Edit[] = []
  for (const one of declared.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    const row = rows.get(one.key) ?? null
    checkOwner(one.key, row, name)
    rows.delete(one.key)
    const edit = editedRow(one, row, name, nowMs)
    if (row === null) added.push(one.key)
    else if (edit.isNeeded) changed.push({ key: one.key, fields: edit.fields })
    else kept.push(one.key)
    if (edit.isNeeded) edits.push(edit)
  }
  return { diff: { added, changed, removed: [...rows.keys()], kept }, edits }
}
