import { statement } from '../statement.ts'

/** Makes the days of history from today to `ahead` days from now. */
export const makeDays = statement<readonly [ahead: number], { made: number }>(
  'make_days',
  (t) => `SELECT ${t.fn('make_days_1')}($1::int) AS made`,
)

/**
 * Attached days older than the shortest retention, oldest first, and those left half detached. `owned`:
 * whether the present role may detach and drop it.
 */
export const oldDays = statement<
  readonly [now: string | null],
  { name: string; pending: boolean; attached: boolean; owned: boolean }
>(
  'old_days',
  (t) => `
    SELECT c.relname AS name, coalesce(i.inhdetachpending, false) AS pending,
           i.inhrelid IS NOT NULL AS attached,
           pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
      FROM pg_catalog.pg_class c
      LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
     WHERE c.relnamespace = '${t.schema.replaceAll("'", "''")}'::regnamespace::oid
       AND c.relkind = 'r'
       AND c.relname::text ~ '^finished_jobs_[0-9]{8}$'
       AND (pg_catalog.to_date(pg_catalog.right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp
             AT TIME ZONE 'UTC'
           < coalesce($1::text::timestamptz, pg_catalog.now()) - interval '10 minutes'
     ORDER BY c.relname`,
)

/** How long the statements that follow wait for a lock, in milliseconds; '0': without end. */
export const limitLockWaits = statement<readonly [ms: string], never>(
  'limit_lock_waits',
  () => `SELECT pg_catalog.set_config('lock_timeout', $1::text, false)`,
)

/** Whether a day still holds a row whose retention (default 7 days) has not passed. */
export const dayIsNeeded = (day: string) =>
  statement<readonly [now: string | null], { needed: boolean }>(
    'day_is_needed',
    (t) => `
    SELECT EXISTS (
      SELECT 1
        FROM ${t.own(day)} f
       -- Bounded again: a row of history may be written by hand.
       WHERE f.finished_at + least(greatest(coalesce(f.retention, interval '7 days'),
                                            interval '10 minutes'), interval '3650 days')
             > coalesce($1::text::timestamptz, pg_catalog.now())) AS needed`,
  )

/** Cannot run in a transaction; waits for readers of the history without stopping a finish. */
export const detachDay = (day: string) =>
  statement<readonly [], never>(
    'detach_day',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(day)} CONCURRENTLY`,
  )

/** In a transaction. Every finish waits for it, and it for every reader of the history. */
export const detachDayAtOnce = (day: string) =>
  statement<readonly [], never>(
    'detach_day_at_once',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(day)}`,
  )

export const finalizeDay = (day: string) =>
  statement<readonly [], never>(
    'finalize_day',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(day)} FINALIZE`,
  )

export const dropDay = (day: string) =>
  statement<readonly [], never>('drop_day', (t) => `DROP TABLE IF EXISTS ${t.own(day)}`)

/** The same by a role that does not own the history: whether the day was dropped. */
export const dropOthersDay = statement<readonly [day: string], { dropped: boolean }>(
  'drop_others_day',
  (t) => `SELECT ${t.fn('drop_day_1')}($1::text) AS dropped`,
)

/** Autovacuum never looks at a partitioned parent. */
export const analyzeHistory = statement<readonly [], never>(
  'analyze_history',
  (t) => `SELECT ${t.fn('analyze_history_1')}()::text`,
)
