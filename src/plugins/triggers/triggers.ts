import { checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { textArray } from '../../database/array-literal.ts'
import {
  type PluginAccess,
  type PluginHost,
  pluginAccess,
} from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { jobTemplate } from './job-template.ts'
import { first } from './migrations/0001.ts'
import { rights } from './rights.ts'
import {
  type AddedRow,
  addDefinition,
  type DefinedRow,
  listDefinitions,
  removeDefinition,
  setPaused,
} from './statements.ts'
import {
  checkKey,
  checkTrigger,
  type TriggerOperation,
  type TriggerOptions,
} from './trigger-options.ts'

export type {
  StatementTriggerArgs,
  TriggerArgs,
  TriggerOperation,
  TriggerOptions,
} from './trigger-options.ts'

declare module '../../events/event-map.ts' {
  interface EventMap {
    /** A trigger was made or replaced by this process, outside of a transaction of the caller. */
    'triggers.added': { readonly key: string; readonly table: string }
    /** As `triggers.added`. */
    'triggers.removed': { readonly key: string }
    /** As `triggers.added`. */
    'triggers.paused': { readonly key: string }
    /** As `triggers.added`. */
    'triggers.resumed': { readonly key: string }
  }
}

/** A trigger as it is now. */
export interface Trigger {
  readonly key: string
  /** With its schema; the present name, also when it was given another since. */
  readonly table: string
  readonly on: readonly TriggerOperation[]
  readonly columns: readonly string[] | null
  readonly each: 'row' | 'statement'
  readonly payload: 'key' | 'row' | readonly string[]
  /** The name of the job. */
  readonly job: string
  /** `broken`: the table, or a trigger on it, was dropped or disabled. */
  readonly state: 'active' | 'paused' | 'broken'
}

/** The transaction of the caller. */
export interface TriggerCallOptions {
  /** The caller's transaction, as `push` takes it. Default: none. */
  readonly session?: unknown
}

const TRIGGERS = 'chancy.triggers'

/** How a command answers that changes one trigger. */
const answered = {
  show: (isThere: unknown): string =>
    isThere === true ? 'Done.' : 'There is no trigger with this key.',
  isNo: (isThere: unknown): boolean => isThere === false,
}

/** Jobs for the rows that statements change in tables of the application, in the transaction of the statement. */
export function triggers(): Plugin {
  return definePlugin({
    name: TRIGGERS,
    migrations: [first],
    rights,
    events: ['triggers.added', 'triggers.removed', 'triggers.paused', 'triggers.resumed'],
    commands: [
      {
        name: 'trigger list',
        summary: 'list the triggers on tables',
        run: async (access) =>
          (await list(access)).map(({ on, columns, payload, ...rest }) => ({
            ...rest,
            on: on.join(' '),
            columns: columns?.join(' ') ?? '',
            payload: typeof payload === 'string' ? payload : payload.join(' '),
          })),
      },
      {
        name: 'trigger pause <key>',
        summary: 'make no jobs until it is resumed',
        run: (access, { key }) => pause(access, String(key), true, undefined),
        ...answered,
      },
      {
        name: 'trigger resume <key>',
        summary: 'make jobs of what changes from now on',
        run: (access, { key }) => pause(access, String(key), false, undefined),
        ...answered,
      },
      {
        name: 'trigger delete <key>',
        summary: 'remove a trigger',
        run: (access, { key }) => remove(access, String(key), undefined),
        ...answered,
      },
    ],
  })
}

/**
 * Makes a trigger: from now on each row, or each statement, is a job of its transaction. The same `key` again replaces
 * the trigger, and keeps whether it is paused. It needs the right TRIGGER on the table; to replace one, the table.
 *
 * @throws {ConfigError} for wrong options, and for a table or a column that is not there
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function addTrigger<R, A, G>(
  chancy: PluginHost,
  options: TriggerOptions<R, A, G>,
  given?: TriggerCallOptions,
): Promise<void> {
  const access = pluginAccess(chancy, TRIGGERS)
  const session = sessionOf(given, 'addTrigger')
  const checked = checkTrigger(options)
  const { key, table, on, columns, each, payload, payloadColumns } = checked
  const job = JSON.stringify(await jobTemplate(key, checked.job, access.clock.now()))
  const values = [
    ...([key, table, textArray(on), columns === null ? null : textArray(columns)] as const),
    ...([each, payload, payloadColumns === null ? null : textArray(payloadColumns), job] as const),
  ] as const
  const [added] = await access.run(() => access.database.run(addDefinition, values, { session }))
  if (added === undefined) return
  if (added.problem !== null) throw refusal(added.problem, added.what)
  if (session === undefined) access.emit('triggers.added', { key, table: added.what })
}

/** Whether there was such a trigger. It needs to own the table, if that is still there. */
export async function removeTrigger(
  chancy: PluginHost,
  key: string,
  options?: TriggerCallOptions,
): Promise<boolean> {
  return remove(pluginAccess(chancy, TRIGGERS), key, sessionOf(options, 'removeTrigger'))
}

/** What changes meanwhile makes no jobs, then or later. Whether there is such a trigger. */
export async function pauseTrigger(
  chancy: PluginHost,
  key: string,
  options?: TriggerCallOptions,
): Promise<boolean> {
  return pause(pluginAccess(chancy, TRIGGERS), key, true, sessionOf(options, 'pauseTrigger'))
}

/** Whether there is such a trigger. */
export async function resumeTrigger(
  chancy: PluginHost,
  key: string,
  options?: TriggerCallOptions,
): Promise<boolean> {
  return pause(pluginAccess(chancy, TRIGGERS), key, false, sessionOf(options, 'resumeTrigger'))
}

/** All triggers, by their keys. */
export async function getTriggers(chancy: PluginHost): Promise<Trigger[]> {
  return list(pluginAccess(chancy, TRIGGERS))
}

async function list({ database, run }: PluginAccess): Promise<Trigger[]> {
  return (await run(() => database.run(listDefinitions, []))).map(triggerOf)
}

async function remove(access: PluginAccess, given: unknown, session: unknown): Promise<boolean> {
  const { database, run } = access
  const key = checkKey(given, 'removeTrigger: key')
  const [row] = await run(() => database.run(removeDefinition, [key], { session }))
  const isRemoved = row?.removed === true
  if (isRemoved && session === undefined) access.emit('triggers.removed', { key })
  return isRemoved
}

async function pause(
  access: PluginAccess,
  given: unknown,
  paused: boolean,
  session: unknown,
): Promise<boolean> {
  const { database, run } = access
  const key = checkKey(given, paused ? 'pauseTrigger: key' : 'resumeTrigger: key')
  const rows = await run(() => database.run(setPaused, [key, paused], { session }))
  if (rows.length === 0) return false
  if (session === undefined) access.emit(paused ? 'triggers.paused' : 'triggers.resumed', { key })
  return true
}

function sessionOf(given: TriggerCallOptions | undefined, what: string): unknown {
  return checkOptions(given, ['session'], what).session
}

function triggerOf(row: DefinedRow): Trigger {
  const { key, table_name: table, each, payload, job, paused, fires } = row
  const names = (text: string | null): string[] | null =>
    text === null ? null : (JSON.parse(text) as string[])
  return {
    ...{ key, table, job },
    on: names(row.operations) as TriggerOperation[],
    columns: names(row.columns),
    each: each as Trigger['each'],
    payload: names(row.payload_columns) ?? (payload as 'key' | 'row'),
    state: fires ? (paused ? 'paused' : 'active') : 'broken',
  }
}

const REFUSALS: Readonly<Record<NonNullable<AddedRow['problem']>, (what: string) => string>> = {
  'table-missing': (what) =>
    `table: there is no table ${inspect(what)}. Write it with its schema, as SQL does: 'public.orders', or 'public."Orders"' for a name with capitals.`,
  'table-refused': (what) =>
    `table: ${inspect(what)} is no table of the application; a view, a foreign table or a table of Chancy or PostgreSQL has no trigger.`,
  'column-missing': (what) => `the table has no column ${inspect(what)}.`,
  'key-missing': (what) =>
    `table: ${inspect(what)} has no primary key to put into a job. Give it one, or give payload: 'row' or a list of columns.`,
}

function refusal(problem: NonNullable<AddedRow['problem']>, what: string): ConfigError {
  return new ConfigError(`addTrigger: ${REFUSALS[problem](what)}`, { details: { problem, what } })
}
