import { statement } from '../statement.ts'

/** Creates the partitions of the history, a day each, from today to `ahead` days from now. */
export const createPartitions = statement<readonly [ahead: number], { created: number }>(
  'create_partitions',
  (t) => `SELECT ${t.fn('create_partitions')}($1::int) AS created`,
)

/**
 * Attached partitions older than the shortest retention, oldest first, and those left half detached. `owned`:
 * whether the present role may detach and drop it.
 */
export const expiredPartitions = statement<
  readonly [now: string | null],
  { name: string; pending: boolean; attached: boolean; owned: boolean }
>(
  'expired_partitions',
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
           < coalesce($1::text::timestamptz, ${t.fn('now')}()) - interval '10 minutes'
     ORDER BY c.relname`,
)

/** How long the statements that follow wait for a lock, in milliseconds; '0': without end. */
export const limitLockWaits = statement<readonly [ms: string], never>(
  'limit_lock_waits',
  () => `SELECT pg_catalog.set_config('lock_timeout', $1::text, false)`,
)

/** Whether a partition still holds a row whose retention (default 7 days) has not passed. */
export const partitionIsNeeded = (partition: string) =>
  statement<readonly [now: string | null], { needed: boolean }>(
    'partition_is_needed',
    (t) => `
    SELECT EXISTS (
      SELECT 1
        FROM ${t.own(partition)} f
       -- Bounded again: a row of history may be written by hand.
       WHERE f.finished_at + least(greatest(coalesce(f.retention, interval '7 days'),
                                            interval '10 minutes'), interval '3650 days')
             > coalesce($1::text::timestamptz, ${t.fn('now')}())) AS needed`,
  )

/** Cannot run in a transaction; waits for readers of the history without stopping a finish. */
export const detachPartition = (partition: string) =>
  statement<readonly [], never>(
    'detach_partition',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(partition)} CONCURRENTLY`,
  )

/** In a transaction. Every finish waits for it, and it for every reader of the history. */
export const detachPartitionBlocking = (partition: string) =>
  statement<readonly [], never>(
    'detach_partition_blocking',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(partition)}`,
  )

export const finalizePartition = (partition: string) =>
  statement<readonly [], never>(
    'finalize_partition',
    (t) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(partition)} FINALIZE`,
  )

export const dropPartition = (partition: string) =>
  statement<readonly [], never>('drop_partition', (t) => `DROP TABLE IF EXISTS ${t.own(partition)}`)

/** The same by a role that does not own the history: whether it was dropped. */
export const dropForeignPartition = statement<readonly [partition: string], { dropped: boolean }>(
  'drop_foreign_partition',
  (t) => `SELECT ${t.fn('drop_partition')}($1::text) AS dropped`,
)

/** Autovacuum never looks at a partitioned parent. */
export const analyzeHistory = statement<readonly [], never>(
  'analyze_history',
  (t) => `SELECT ${t.fn('analyze_history')}()::text`,
)
