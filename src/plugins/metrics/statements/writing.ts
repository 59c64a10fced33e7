import { statement } from '../../../database/statement.ts'

/** Keeps what was counted. A lost answer is no harm: the same source and number again do nothing. */
export const addCounts = statement<
  readonly [source: string, seq: number, ageMs: number, data: string],
  { added: string }
>(
  'metrics_add',
  (t) => `
    SELECT ${t.own('metrics_add_1')}($1::uuid, $2::bigint, $3::float8, $4::text)::text AS added`,
)

/** The same in a transaction of the caller, who tries nothing again. */
export const addInside = statement<readonly [data: string], { added: string }>(
  'metrics_add_inside',
  (t) => `
    SELECT ${t.own('metrics_add_1')}(pg_catalog.gen_random_uuid(), 0::bigint, 0::float8, $1::text)::text AS added`,
)

/** How many flushes were added to the points. */
export const rollUp = statement<readonly [maxRows: number, maxSeries: number], { taken: number }>(
  'metrics_roll',
  (t) => `SELECT ${t.own('metrics_roll_1')}($1::int, $2::int) AS taken`,
)

const removed = (table: string, where: string): string => `
    WITH removed AS (
      DELETE FROM ${table} WHERE ctid = ANY (ARRAY(${where})) RETURNING 1
    )
    SELECT pg_catalog.count(*)::int4 AS removed FROM removed`
const ago = (ms: string): string => `pg_catalog.make_interval(secs => ${ms}::float8 / 1000::float8)`

/** Flushes that were added long ago, and those that were not within a day. */
export const removeLive = statement<readonly [keepMs: number, limit: number], { removed: number }>(
  'metrics_remove_live',
  (t) =>
    removed(
      t.own('metrics_live'),
      `SELECT l.ctid FROM ${t.own('metrics_live')} l
        WHERE l.at < ${t.fn('now')}() - ${ago('$1')}
          AND (l.rolled OR l.at < ${t.fn('now')}() - '1 day'::interval)
        ORDER BY l.at LIMIT $2::int FOR UPDATE SKIP LOCKED`,
    ),
)

/** Points of a step that are older than it is kept. */
export const removePoints = statement<
  readonly [step: number, keepMs: number, limit: number],
  { removed: number }
>('metrics_remove_points', (t) =>
  removed(
    t.own('metrics_points'),
    `SELECT o.ctid
       FROM ${t.own('metrics_series')} s
      CROSS JOIN LATERAL (
              SELECT p.ctid FROM ${t.own('metrics_points')} p
               WHERE p.step = $1::int AND p.series = s.id AND p.at < ${t.fn('now')}() - ${ago('$2')}
               ORDER BY p.at LIMIT $3::int) o
      LIMIT $3::int`,
  ),
)

/** Series of which nothing is left but their sum since ever, and that sum. */
export const removeSeries = statement<
  readonly [keepMs: number, limit: number],
  { removed: number }
>(
  'metrics_remove_series',
  (t) => `
    WITH unused AS (
      SELECT s.id
        FROM ${t.own('metrics_series')} s
       WHERE s.used_at < ${t.fn('now')}() - ${ago('$1')} AND s.kind <> 'all' AND '(other)' NOT IN (s.queue, s.name)
         AND NOT EXISTS (SELECT 1 FROM ${t.own('metrics_points')} p
                          WHERE p.step IN (60, 300, 3600, 86400) AND p.series = s.id)
       LIMIT $2::int
         FOR UPDATE SKIP LOCKED
    ), sums AS (
      DELETE FROM ${t.own('metrics_points')} p
       WHERE p.step = 0 AND p.series IN (SELECT unused.id FROM unused)
    ), removed AS (
      DELETE FROM ${t.own('metrics_series')} s WHERE s.id IN (SELECT unused.id FROM unused) RETURNING 1
    )
    SELECT pg_catalog.count(*)::int4 AS removed FROM removed`,
)

/** Counts of queues that are not declared any more and have no jobs. */
export const removeQueueCounts = statement<readonly [limit: number], { removed: number }>(
  'metrics_remove_queue_counts',
  (t) =>
    removed(
      t.own('metrics_queue_counts'),
      `SELECT c.ctid FROM ${t.own('metrics_queue_counts')} c
        WHERE NOT EXISTS (SELECT 1 FROM ${t.queues} q WHERE q.name = c.queue)
          AND c.ready + c.parked + c.scheduled + c.backoff + c.blocked + c.running = 0
        LIMIT $1::int FOR UPDATE SKIP LOCKED`,
    ),
)
