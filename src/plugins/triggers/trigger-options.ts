import { checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Job } from '../../core/job.ts'

export const OPERATIONS = ['insert', 'update', 'delete'] as const
/** What was done to a row. */
export type TriggerOperation = (typeof OPERATIONS)[number]

/** The arguments of a job of a trigger with `each: 'row'`. */
export interface TriggerArgs<Row = Readonly<Record<string, unknown>>> {
  readonly operation: TriggerOperation
  /** As SQL writes it, with its schema: `public.orders`. */
  readonly table: string
  /** The columns of the primary key; null where the table has none. */
  readonly key: Readonly<Record<string, unknown>> | null
  /** As it was inserted or is now. */
  readonly row?: Row
  /** As it was before the update, or before it was deleted. */
  readonly old?: Row
  /** The arguments would have been over 1 MiB: read the row by its key. */
  readonly truncated?: true
}

/** Those of a job of a trigger with `each: 'statement'`. */
export interface StatementTriggerArgs {
  readonly operation: TriggerOperation
  readonly table: string
  /** How many rows the statement has changed. */
  readonly rows: number
}

type AnyArgs<R, A, G> = Job<R, A, G> | { readonly job: Job<R, A, G> }

/** Options of `addTrigger`. */
export interface TriggerOptions<R = unknown, A = never, G = unknown> {
  /** 1 to 200 bytes, unique. */
  readonly key: string
  /** As SQL writes it: `'public.orders'`, `'public."Orders"'`. */
  readonly table: string
  readonly on: readonly TriggerOperation[]
  /** An update counts only where one of these has changed. Default: every update counts. */
  readonly columns?: readonly string[]
  /** A job for each row, or one for each statement that has changed a row. */
  readonly each: 'row' | 'statement'
  /**
   * What a job knows of its row: the primary key, the whole row, or these columns beside the key. Default: `'key'`.
   * Not with `each: 'statement'`.
   */
  readonly payload?: 'key' | 'row' | readonly string[]
  /** Its arguments are those of the trigger. It has no concurrency limit by an argument. */
  readonly job: AnyArgs<R, A, G>
}

export interface CheckedOptions {
  readonly key: string
  readonly table: string
  readonly on: readonly TriggerOperation[]
  readonly columns: readonly string[] | null
  readonly each: 'row' | 'statement'
  readonly payload: 'key' | 'row' | 'columns'
  readonly payloadColumns: readonly string[] | null
  readonly job: unknown
}

const NAMES = ['key', 'table', 'on', 'columns', 'each', 'payload', 'job']
const MAX_KEY_BYTES = 200
const MAX_TABLE_BYTES = 300

/** @throws {ConfigError} */
export function checkTrigger(value: unknown): CheckedOptions {
  const given = checkOptions(value, NAMES, 'addTrigger') as Record<string, unknown>
  const on = listOf(given.on, 'addTrigger: on').map((one) =>
    checkOneOf(one, OPERATIONS, 'addTrigger: on'),
  )
  const each = checkOneOf(given.each, ['row', 'statement'], 'addTrigger: each')
  const columns = given.columns === undefined ? null : namesIn(given.columns, 'addTrigger: columns')
  if (columns !== null && !on.includes('update'))
    throw new ConfigError('addTrigger: columns: are compared by updates alone; add "update" to on.')
  if (each === 'statement' && given.payload !== undefined) {
    throw new ConfigError(
      "addTrigger: payload: a job for a statement has no row; leave it out, or give each: 'row'.",
    )
  }
  const { payload = 'key' } = given
  const payloadColumns = Array.isArray(payload) ? namesIn(payload, 'addTrigger: payload') : null
  return {
    key: checkKey(given.key, 'addTrigger: key'),
    table: checkText(given.table, { what: 'addTrigger: table', maxBytes: MAX_TABLE_BYTES }),
    on: OPERATIONS.filter((one) => on.includes(one)),
    columns,
    each,
    payload:
      payloadColumns === null
        ? checkOneOf(payload, ['key', 'row'], 'addTrigger: payload')
        : 'columns',
    payloadColumns,
    job: given.job,
  }
}

/** @throws {ConfigError} */
export function checkKey(value: unknown, what: string): string {
  return checkText(value, { what, maxBytes: MAX_KEY_BYTES })
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw new ConfigError(`${what}: expected an array that is not empty, got ${inspect(value)}.`)
}

function namesIn(value: unknown, what: string): readonly string[] {
  return [...new Set(listOf(value, what).map((one) => checkText(one, { what, maxBytes: 63 })))]
}
