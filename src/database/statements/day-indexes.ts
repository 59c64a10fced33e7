import { type Names, quoteIdentifier, quoteLiteral } from '../names.ts'
import { statement } from '../statement.ts'

/** The indexes that a day of the history gets when it is over. */
export type DayIndex = 'name' | 'args'

const COLUMNS: Readonly<Record<DayIndex, string>> = {
  name: '(name, id)',
  args: 'USING gin (args jsonb_path_ops, meta jsonb_path_ops)',
}

export interface DayRow {
  readonly partition: string
  readonly kind: DayIndex
  /** Half an index is there: a build of it failed, or is under way. */
  readonly is_half: boolean
  /** Whether the present role may make the index. */
  readonly owned: boolean
}

/**
 * Days that are over and lack an index of these kinds, the newest first. A finish of the last minutes of a day may be
 * written a while after it.
 */
export const daysToIndex = statement<readonly [kinds: string, now: string | null], DayRow>(
  'days_to_index',
  (t) => `
    SELECT d.partition, k.kind, i.oid IS NOT NULL AS is_half, d.owned
      FROM (SELECT c.oid, c.relname::text AS partition, pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
              FROM pg_catalog.pg_inherits h
              JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
             WHERE h.inhparent = ${quoteLiteral(t.finishedJobs)}::regclass::oid AND NOT h.inhdetachpending
               AND c.relkind = 'r' AND c.relname::text ~ '^finished_jobs_[0-9]{8}$'
               AND (pg_catalog.to_date(pg_catalog.right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp
                     AT TIME ZONE 'UTC'
                   < coalesce($2::text::timestamptz, ${t.fn('now')}()) - interval '10 minutes') d
     CROSS JOIN pg_catalog.unnest($1::text::text[]) AS k(kind)
      LEFT JOIN pg_catalog.pg_index x
             ON x.indrelid = d.oid AND x.indexrelid = (
                  SELECT n.oid FROM pg_catalog.pg_class n
                   WHERE n.relnamespace = ${quoteLiteral(t.schema)}::regnamespace::oid
                     AND n.relname::text = d.partition || '_' || k.kind)
      LEFT JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
     WHERE x.indisvalid IS NOT TRUE
     ORDER BY d.partition DESC, k.kind DESC`,
)

const key = (t: Names): string =>
  `pg_catalog.hashtextextended(${quoteLiteral(`chancy day indexes ${t.plainSchema}`)}, 0::bigint)`

/** One session of a schema at a time makes such an index. Its settings go with the session. */
export const beginIndexing = statement<
  readonly [lockWaitMs: string],
  { locked: boolean; pid: number }
>(
  'begin_indexing',
  (t) => `
    SELECT pg_catalog.pg_try_advisory_lock(${key(t)}) AS locked, pg_catalog.pg_backend_pid() AS pid,
           pg_catalog.set_config('lock_timeout', $1::text, false),
           pg_catalog.set_config('statement_timeout', '0', false)`,
)

/** Ends the statement of a session of the same role. */
export const cancelIndexing = statement<readonly [pid: number], { cancelled: boolean }>(
  'cancel_indexing',
  () => 'SELECT pg_catalog.pg_cancel_backend($1::int) AS cancelled',
)

/** Cannot run in a transaction. Of a partition that is there no more it is an error. */
export const createDayIndex = (partition: string, kind: DayIndex) =>
  statement<readonly [], never>(
    'create_day_index',
    (t) =>
      `CREATE INDEX CONCURRENTLY ${quoteIdentifier(`${partition}_${kind}`)} ON ${t.own(partition)} ${COLUMNS[kind]}`,
  )

/** What a build that failed has left, or a server that went down in the middle. */
export const dropDayIndex = (partition: string, kind: DayIndex) =>
  statement<readonly [], never>(
    'drop_day_index',
    (t) => `DROP INDEX CONCURRENTLY IF EXISTS ${t.own(`${partition}_${kind}`)}`,
  )

/** The same by a role that does not own the history, or behind a pooler: whether it was made. */
export const indexForeignDay = statement<
  readonly [partition: string, kind: string],
  { made: boolean }
>('index_foreign_day', (t) => `SELECT ${t.fn('index_day')}($1::text, $2::text) AS made`)
