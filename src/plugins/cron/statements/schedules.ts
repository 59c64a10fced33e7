import type { Names } from '../../../database/names.ts'
import { quoteLiteral } from '../../../database/names.ts'
import { statement } from '../../../database/statement.ts'

/** A row of `cron_schedules`. Instants are milliseconds since the epoch, JSON is text. */
export interface ScheduleRow {
  readonly key: string
  readonly owner: string | null
  readonly version: number
  /** As it counts now: a pause that has ended by itself is none. */
  readonly state: string
  readonly timing: string
  readonly policy: string
  readonly job: string
  readonly created_ms: number
  readonly next_ms: number | null
  readonly due_ms: number | null
  readonly passed_ms: number | null
  readonly last_ms: number | null
  readonly last_job: string | null
  readonly missed: number
  readonly error: string | null
  readonly resume_ms: number | null
  readonly pause_reason: string | null
}

/** The database's time, with a row or with none. */
export type RowAndNow = { readonly now_ms: number } & (
  | ScheduleRow
  | { readonly [Name in keyof ScheduleRow]: null }
)

/** Whole milliseconds: all instants are written as such. */
const msOf = (at: string): string =>
  `pg_catalog.round(pg_catalog.date_part('epoch', ${at}) * 1000::float8)`
const stateOf = (t: Names): string =>
  `CASE WHEN s.state = 'paused' AND s.resume_at <= ${t.fn('clock')}() THEN 'active' ELSE s.state END`

const columns = (t: Names): string => `
           s.key, s.owner, s.version::float8 AS version, ${stateOf(t)} AS state,
           s.timing::text AS timing, s.policy::text AS policy, s.job::text AS job,
           ${msOf('s.created_at')} AS created_ms, ${msOf('s.next_at')} AS next_ms,
           ${msOf('s.due_at')} AS due_ms, ${msOf('s.passed_at')} AS passed_ms,
           ${msOf('s.last_at')} AS last_ms, s.last_job::text AS last_job, s.missed::float8 AS missed,
           s.error, ${msOf('s.resume_at')} AS resume_ms, s.pause_reason`

const now = (t: Names): string =>
  `pg_catalog.floor(pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8)`

/** One row, whether there is such a schedule or not. */
export const findSchedule = statement<readonly [key: string], RowAndNow>(
  'cron_find',
  (t) => `
    SELECT n.now_ms, ${columns(t)}
      FROM (SELECT ${now(t)} AS now_ms) n
      LEFT JOIN ${t.own('cron_schedules')} s ON s.key = $1::text`,
)

/** Those of a set, and those that have one of these keys (an array literal). At least one row. */
export const findSet = statement<readonly [owner: string, keys: string], RowAndNow>(
  'cron_find_set',
  (t) => `
    SELECT n.now_ms, ${columns(t)}
      FROM (SELECT ${now(t)} AS now_ms) n
      LEFT JOIN ${t.own('cron_schedules')} s ON s.owner = $1::text OR s.key = ANY ($2::text::text[])
     ORDER BY s.key`,
)

export const listSchedules = statement<
  readonly [state: string | null, after: string | null, limit: number],
  ScheduleRow
>(
  'cron_list',
  (t) => `
    SELECT ${columns(t)}
      FROM ${t.own('cron_schedules')} s
     WHERE ($1::text IS NULL OR ${stateOf(t)} = $1::text)
       AND ($2::text IS NULL OR s.key > $2::text)
     ORDER BY s.key LIMIT $3::int`,
)

/** What is written of a schedule. `version` is one more than that of the row that it was made of, or 1. */
export interface WrittenRow {
  readonly key: string
  readonly owner: string | null
  readonly version: number
  readonly state: string
  readonly timing: unknown
  readonly policy: unknown
  readonly job: unknown
  readonly created_ms: number
  readonly next_ms: number | null
  readonly due_ms: number | null
  readonly resume_ms: number | null
  readonly pause_reason: string | null
}

/** Writes rows, given as JSON, and returns those that nothing else has written since they were read. */
export const putSchedules = statement<readonly [rows: string], { key: string }>(
  'cron_put',
  (t) => `
    INSERT INTO ${t.own('cron_schedules')} AS s (
           key, owner, version, state, timing, policy, job, created_at, next_at, due_at, resume_at, pause_reason)
    SELECT r.key, r.owner, r.version, r.state, r.timing, r.policy, r.job,
           pg_catalog.to_timestamp(r.created_ms / 1000::float8), pg_catalog.to_timestamp(r.next_ms / 1000::float8),
           pg_catalog.to_timestamp(r.due_ms / 1000::float8), pg_catalog.to_timestamp(r.resume_ms / 1000::float8),
           r.pause_reason
      FROM pg_catalog.jsonb_to_recordset($1::text::jsonb) AS r(
             key text, owner text, version int8, state text, timing jsonb, policy jsonb, job jsonb,
             created_ms float8, next_ms float8, due_ms float8, resume_ms float8, pause_reason text)
     -- Two writers of several rows meet in one order.
     ORDER BY r.key
        ON CONFLICT (key) DO UPDATE
       SET version = excluded.version, state = excluded.state, timing = excluded.timing,
           policy = excluded.policy, job = excluded.job, next_at = excluded.next_at,
           due_at = excluded.due_at, resume_at = excluded.resume_at,
           pause_reason = excluded.pause_reason, error = NULL
     -- A firing or an edit came between: the row is read again.
     WHERE s.version + 1::int8 = excluded.version AND s.owner IS NOT DISTINCT FROM excluded.owner
    RETURNING s.key`,
)

export const removeSchedules = statement<readonly [keys: string], { key: string }>(
  'cron_remove',
  (t) =>
    `DELETE FROM ${t.own('cron_schedules')} s WHERE s.key = ANY ($1::text::text[]) RETURNING s.key`,
)

/** Held to the end of the transaction: the sets of one name are compared by one process at a time. */
export const lockSet = statement<readonly [owner: string], { locked: unknown }>(
  'cron_lock_set',
  (t) => `
    SELECT pg_catalog.pg_advisory_xact_lock(
             pg_catalog.hashtextextended(${quoteLiteral(`chancy cron ${t.plainSchema} `)} || $1::text, 0::int8)
           )::text AS locked`,
)

/** No row: it was changed since it was read. */
export const setState = statement<
  readonly [
    key: string,
    version: number,
    state: string,
    reason: string | null,
    resumeMs: number | null,
    nextMs: number | null,
    dueMs: number | null,
  ],
  { version: number }
>(
  'cron_set_state',
  (t) => `
    SELECT version::float8 AS version
      FROM ${t.own('cron_set_state_1')}(
             $1::text, $2::float8::int8, $3::text, $4::text, $5::float8, $6::float8, $7::float8)`,
)

/** No row: there is no such schedule. */
export const runSchedule = statement<readonly [key: string], { job: string; created: boolean }>(
  'cron_run',
  (t) => `SELECT job, created FROM ${t.own('cron_run_1')}($1::text)`,
)

/** Schedules that are broken, and those that have been due for longer than `overMs`. At most 1,000. */
export const findUnwell = statement<
  readonly [overMs: number],
  { key: string; state: string; error: string | null; due_ms: number | null }
>(
  'cron_find_unwell',
  (t) => `
    SELECT s.key, s.state, s.error,
           pg_catalog.date_part('epoch', ${t.fn('clock')}() - s.due_at) * 1000::float8 AS due_ms
      FROM ${t.own('cron_schedules')} s
     WHERE s.state = 'broken'
        OR ${stateOf(t)} = 'active'
           AND s.due_at < ${t.fn('clock')}() - pg_catalog.make_interval(secs => $1::float8 / 1000::float8)
     ORDER BY s.state DESC, s.key
     LIMIT 1000`,
)
