import { statement } from '../../../database/statement.ts'

/** Every declared queue, those with a count already, and with `isWide` those that have jobs and are not declared. */
export const findQueues = statement<readonly [isWide: boolean], { queue: string }>(
  'metrics_find_queues',
  (t) => `
    SELECT f.queue
      FROM (SELECT q.name AS queue FROM ${t.queues} q
            UNION
            SELECT c.queue FROM ${t.own('metrics_queue_counts')} c
            UNION
            SELECT u.queue FROM ${t.own('metrics_undeclared_1')}() AS u(queue) WHERE $1::boolean) f
     ORDER BY f.queue`,
)

export interface RunningRow {
  readonly queue: string
  readonly running: number
  /** Of these, how many keep their position in the queue's order. */
  readonly in_order: number
}

/** Running jobs by queue, from the claims: at most \`$1\` ids are read. */
export const countRunning = statement<readonly [bound: number], RunningRow>(
  'metrics_count_running',
  (t) => `
    SELECT j.queue, pg_catalog.count(DISTINCT i.id)::int4 AS running,
           (pg_catalog.count(DISTINCT i.id) FILTER (WHERE j.claim_seq IS NULL))::int4 AS in_order
      FROM (SELECT u.id, c.worker_id
              FROM ${t.claims} c CROSS JOIN LATERAL pg_catalog.unnest(c.ids) AS u(id)
             LIMIT $1::int) i
     CROSS JOIN LATERAL (
             SELECT k.queue, k.claim_seq FROM ${t.jobs} k
              WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
             OFFSET 0) j
     GROUP BY j.queue`,
)

/** Blocked jobs by queue; the first `$1` of all in the order of their groups. */
export const countBlocked = statement<readonly [bound: number], { queue: string; blocked: number }>(
  'metrics_count_blocked',
  (t) => `
    SELECT b.queue, pg_catalog.count(*)::int4 AS blocked
      FROM (SELECT j.queue FROM ${t.jobs} j
             WHERE j.blocked
             ORDER BY j.concurrency_key, j.queue, j.priority DESC, j.seq
             LIMIT $1::int) b
     GROUP BY b.queue`,
)

/**
 * Counts these queues and stores the counts with those of running and blocked jobs, given as JSON by queue. A
 * class that reaches the bound keeps its last deep count. Returns the queues that need one.
 */
export const storeCounts = statement<
  readonly [queues: string, bound: number, running: string, blocked: string | null],
  { queue: string }
>('metrics_store_counts', (t) => {
  const kept = (column: string): string =>
    `CASE WHEN excluded.${column} < $2::int THEN excluded.${column}
            ELSE greatest(c.${column}, excluded.${column}) END`
  return `
    WITH counted AS MATERIALIZED (
      SELECT n.queue, n.ready, n.parked, n.scheduled, n.backoff, n.oldest_at,
             coalesce(($3::text::jsonb ->> n.queue)::int8, 0) AS running,
             CASE WHEN $4::text IS NOT NULL THEN coalesce(($4::text::jsonb ->> n.queue)::int8, 0) END AS blocked
        FROM ${t.own('metrics_count_1')}($1::text::text[], $2::int) n
    ), stored AS (
      INSERT INTO ${t.own('metrics_queue_counts')} AS c (
             queue, ready, parked, scheduled, backoff, running, blocked, oldest_at, is_bounded)
      SELECT n.queue, n.ready, n.parked, n.scheduled, n.backoff, n.running, coalesce(n.blocked, 0), n.oldest_at,
             greatest(n.ready, n.parked, n.scheduled, n.backoff) >= $2::int OR n.blocked IS NULL
        FROM counted n
       ORDER BY n.queue
      ON CONFLICT (queue) DO UPDATE
         SET ready = ${kept('ready')}, parked = ${kept('parked')}, scheduled = ${kept('scheduled')},
             backoff = ${kept('backoff')}, running = excluded.running,
             blocked = CASE WHEN $4::text IS NOT NULL THEN excluded.blocked ELSE c.blocked END,
             oldest_at = excluded.oldest_at, is_bounded = excluded.is_bounded
       WHERE (c.ready, c.parked, c.scheduled, c.backoff, c.running, c.blocked, c.oldest_at, c.is_bounded)
             IS DISTINCT FROM
             (${kept('ready')}, ${kept('parked')}, ${kept('scheduled')}, ${kept('backoff')}, excluded.running,
              CASE WHEN $4::text IS NOT NULL THEN excluded.blocked ELSE c.blocked END,
              excluded.oldest_at, excluded.is_bounded)
    )
    SELECT n.queue
      FROM counted n
     WHERE greatest(n.ready, n.parked, n.scheduled, n.backoff) >= $2::int OR n.blocked IS NULL`
})

/** Says when the levels were measured. The same name again replaces it. */
export const storeLevels = statement<readonly [name: string, ageMs: number, data: string], never>(
  'metrics_store_levels',
  (t) => `
    INSERT INTO ${t.own('metrics_levels')} AS l (name, at, data)
    VALUES ($1::text, ${t.fn('clock')}() - pg_catalog.make_interval(secs => $2::float8 / 1000::float8),
            $3::text::jsonb)
    ON CONFLICT (name) DO UPDATE SET at = excluded.at, data = excluded.data`,
)

export type ScanValues = readonly [
  queue: string,
  priority: number | null,
  position: number | null,
  maxRows: number,
]
export interface ScanRow {
  readonly scanned: number
  readonly priority: number | null
  readonly position: number | null
}

/** One step of a count to the end: see the function. */
export const scanQueue = statement<ScanValues, ScanRow>(
  'metrics_scan_queue',
  (t) => `
    SELECT s.scanned, s.priority::float8 AS priority, s.position::float8 AS position
      FROM ${t.own('metrics_scan_1')}($1::text, $2::float8::int8, $3::float8::int8, $4::int) s`,
)

/** What was counted to its end. */
export const storeDeepCounts = statement<
  readonly [queue: string, ready: number, bound: number, blocked: number | null],
  never
>(
  'metrics_store_deep_counts',
  (t) => `
    UPDATE ${t.own('metrics_queue_counts')} c
       SET ready = $2::float8::int8, parked = n.parked, scheduled = n.scheduled,
           backoff = n.backoff, blocked = coalesce($4::int8, c.blocked), deep_at = ${t.fn('clock')}()
      FROM ${t.own('metrics_count_deep_1')}($1::text, $3::int) n
     WHERE c.queue = $1::text`,
)

/** Sizes of the tables of the schema with their partitions, rows that are dead, and the oldest transaction. */
export const sampleServer = statement<readonly [schema: string], { data: string }>(
  'metrics_sample_server',
  (t) => `
    SELECT pg_catalog.json_build_object(
             'tables', (
               SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                        'table', x.name, 'bytes', x.bytes, 'deadRows', x.dead) ORDER BY x.name), '[]'::json)
                 FROM (SELECT coalesce(p.relname, c.relname)::text AS name,
                              pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))::float8 AS bytes,
                              pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(c.oid))::float8 AS dead
                         FROM pg_catalog.pg_class c
                         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                         LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
                         LEFT JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
                        WHERE n.nspname = $1::text::name AND c.relkind = 'r'::"char"
                        GROUP BY 1) x),
             'oldestTransactionMs', (
               SELECT pg_catalog.max(pg_catalog.date_part('epoch', ${t.fn('clock')}() - o.since) * 1000::float8)
                 FROM (SELECT a.xact_start AS since FROM pg_catalog.pg_stat_activity a
                        WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
                       UNION ALL
                       SELECT x.prepared FROM pg_catalog.pg_prepared_xacts x
                        WHERE x.database = pg_catalog.current_database()) o))::text AS data`,
)
