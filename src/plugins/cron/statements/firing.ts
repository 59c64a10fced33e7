import { statement } from '../../../database/statement.ts'

/** A schedule that is due. */
export interface DueRow {
  readonly key: string
  readonly version: number
  readonly timing: string
  readonly policy: string
  readonly next_ms: number
  readonly due_ms: number
}

/** What a search for due schedules returns beside them, in each row: there is at least one. */
export interface DueAnswer {
  readonly now_ms: number
  /** Up to which instant they were due. */
  readonly until_ms: number
  /** How long until the next one is due, not above zero where that was meanwhile, or null. */
  readonly wait_ms: number | null
  /** Whether jobs that were replaced are still to be cancelled. */
  readonly has_to_cancel: boolean
}

/**
 * Schedules that have been due for this long, by the clock of the database, in the order of their time from behind
 * a place of that order on, and up to an instant where one is given.
 */
export const findDue = statement<
  readonly [
    behindMs: number,
    afterMs: number | null,
    afterKey: string | null,
    limit: number,
    untilMs: number | null,
  ],
  DueAnswer & (DueRow | { readonly [Name in keyof DueRow]: null })
>(
  'cron_find_due',
  (t) => `
    WITH n AS MATERIALIZED (
      SELECT c.at, c.present,
             coalesce(pg_catalog.to_timestamp($5::float8 / 1000::float8), c.present) AS until
        FROM (
          SELECT b.at, b.at - pg_catalog.make_interval(secs => $1::float8 / 1000::float8) AS present
            FROM (SELECT ${t.fn('clock')}() AS at) b) c
    )
    SELECT pg_catalog.floor(pg_catalog.date_part('epoch', n.at) * 1000::float8) AS now_ms,
           pg_catalog.date_part('epoch', n.until) * 1000::float8 AS until_ms,
           pg_catalog.date_part('epoch', (
             SELECT pg_catalog.min(l.due_at) FROM ${t.own('cron_schedules')} l WHERE l.due_at > n.until
           ) - n.present) * 1000::float8 AS wait_ms,
           EXISTS (SELECT 1 FROM ${t.own('cron_schedules')} r WHERE r.to_cancel <> '{}'::uuid[]) AS has_to_cancel,
           d.key, d.version::float8 AS version, d.timing::text AS timing, d.policy::text AS policy,
           pg_catalog.round(pg_catalog.date_part('epoch', d.next_at) * 1000::float8) AS next_ms,
           pg_catalog.round(pg_catalog.date_part('epoch', d.due_at) * 1000::float8) AS due_ms
      FROM n
      LEFT JOIN LATERAL (
             SELECT s.key, s.version, s.timing, s.policy, s.next_at, s.due_at
               FROM ${t.own('cron_schedules')} s
              WHERE s.due_at <= n.until
                AND ($2::float8 IS NULL
                     OR (s.due_at, s.key) > (pg_catalog.to_timestamp($2::float8 / 1000::float8), $3::text))
              ORDER BY s.due_at, s.key LIMIT $4::int) d ON true
     ORDER BY d.due_at, d.key`,
)

/** What is done about one schedule. Instants are milliseconds since the epoch. */
export interface FirePlan {
  readonly key: string
  readonly version: number
  readonly seen_ms: number
  readonly next_ms: number | null
  readonly due_ms: number | null
  /** The newest tick that was dealt with. */
  readonly passed_ms: number | null
  readonly fire: readonly number[]
  readonly missed: number
  readonly missed_from_ms: number | null
  readonly missed_to_ms: number | null
}

/** A schedule that was moved (`at_ms` is null), or one of its ticks. */
export interface FiredRow {
  readonly key: string
  readonly at_ms: number | null
  readonly what: 'fired' | 'skipped' | null
  readonly job: string | null
  readonly holder: string | null
}

export const fire = statement<readonly [plans: string, lockMs: number], FiredRow>(
  'cron_fire',
  (t) => `
    SELECT key, at_ms, what, job, holder FROM ${t.own('cron_fire_1')}($1::text::jsonb, $2::int)`,
)

/** Only if it is still as it was read, and no open transaction holds it. */
export const breakSchedule = statement<
  readonly [key: string, version: number, error: string],
  { key: string }
>(
  'cron_break',
  (t) => `
    UPDATE ${t.own('cron_schedules')} s
       SET state = 'broken', error = $3::text, due_at = NULL, version = s.version + 1::int8
     WHERE s.key = (
             SELECT l.key FROM ${t.own('cron_schedules')} l
              WHERE l.key = $1::text AND l.version = $2::float8::int8
                -- All schedules would wait for an edit of this one.
                FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING s.key`,
)

export interface ToCancelRow {
  readonly key: string
  readonly job: string
}

/** Jobs that later ones have replaced. */
export const findToCancel = statement<readonly [limit: number], ToCancelRow>(
  'cron_find_to_cancel',
  (t) => `
    SELECT s.key, j.job::text AS job
      FROM ${t.own('cron_schedules')} s
     CROSS JOIN LATERAL pg_catalog.unnest(s.to_cancel) AS j(job)
     WHERE s.to_cancel <> '{}'::uuid[]
     LIMIT $1::int`,
)

/** How long the transaction waits for a lock, in milliseconds. */
export const limitLockWait = statement<readonly [ms: number], { set: string }>(
  'cron_limit_lock_wait',
  () => `SELECT pg_catalog.set_config('lock_timeout', ($1::int)::text, true) AS set`,
)

/** Not again: they were cancelled. Later, while an open transaction holds the row. */
export const clearCancelled = statement<readonly [key: string, jobs: string], { key: string }>(
  'cron_clear_cancelled',
  (t) => `
    UPDATE ${t.own('cron_schedules')} s
       SET to_cancel = ARRAY(
             SELECT j.job FROM pg_catalog.unnest(s.to_cancel) AS j(job) WHERE j.job <> ALL ($2::text::uuid[]))
     WHERE s.key = (
             SELECT l.key FROM ${t.own('cron_schedules')} l WHERE l.key = $1::text FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING s.key`,
)

/** When something is due next. */
export const findNextDue = statement<readonly [], { due_ms: number | null }>(
  'cron_find_next_due',
  (t) => `
    SELECT pg_catalog.date_part('epoch', pg_catalog.min(s.due_at)) * 1000::float8 AS due_ms
      FROM ${t.own('cron_schedules')} s WHERE s.due_at IS NOT NULL`,
)

export interface FutureRow {
  readonly now_ms: number
  readonly key: string
  readonly version: number
  readonly timing: string
  readonly policy: string
  readonly next_ms: number
  readonly passed_ms: number | null
  readonly resume_ms: number | null
}

/** Schedules with an expression whose next tick is to come, a page by key. */
export const findFuture = statement<readonly [after: string, limit: number], FutureRow>(
  'cron_find_future',
  (t) => `
    SELECT pg_catalog.floor(pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8) AS now_ms,
           s.key, s.version::float8 AS version, s.timing::text AS timing, s.policy::text AS policy,
           pg_catalog.round(pg_catalog.date_part('epoch', s.next_at) * 1000::float8) AS next_ms,
           pg_catalog.round(pg_catalog.date_part('epoch', s.passed_at) * 1000::float8) AS passed_ms,
           pg_catalog.round(pg_catalog.date_part('epoch', s.resume_at) * 1000::float8) AS resume_ms
      FROM ${t.own('cron_schedules')} s
     WHERE s.key > $1::text AND s.due_at IS NOT NULL AND s.next_at > ${t.fn('clock')}()
     ORDER BY s.key LIMIT $2::int`,
)

/** Moves next ticks, given as JSON, of schedules that are as they were read and that no open transaction holds. */
export const moveNext = statement<readonly [rows: string], { key: string }>(
  'cron_move_next',
  (t) => `
    UPDATE ${t.own('cron_schedules')} s
       SET version = s.version + 1::int8, next_at = pg_catalog.to_timestamp(r.next_ms / 1000::float8),
           due_at = pg_catalog.to_timestamp(r.due_ms / 1000::float8),
           state = CASE WHEN r.next_ms IS NULL THEN 'ended' ELSE s.state END
      FROM (
        SELECT l.key, r.next_ms, r.due_ms
          FROM pg_catalog.jsonb_to_recordset($1::text::jsonb)
                 AS r(key text, version int8, next_ms float8, due_ms float8)
          JOIN ${t.own('cron_schedules')} l ON l.key = r.key AND l.version = r.version
         -- Those that were written already would wait with this one, and none of them would be fired.
           FOR NO KEY UPDATE OF l SKIP LOCKED) r
     WHERE s.key = r.key
    RETURNING s.key`,
)
