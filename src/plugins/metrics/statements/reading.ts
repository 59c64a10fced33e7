import { statement } from '../../../database/statement.ts'

/** Arrays travel as JSON. */
export interface PointRow {
  readonly at_ms: number
  readonly counts: string
  readonly sums: string
  readonly maxima: string
  readonly buckets: string
  readonly amounts: string
}

export interface TotalRow extends Omit<PointRow, 'at_ms'> {
  readonly kind: string
  readonly queue: string
  readonly name: string
}

const json = (column: string): string => `pg_catalog.to_json(${column})::text`
const arrays = (p: string): string =>
  ['counts', 'sums', 'maxima', 'buckets', 'amounts']
    .map((column) => `${json(`${p}.${column}`)} AS ${column}`)
    .join(', ')
const epochMs = (at: string): string => `pg_catalog.date_part('epoch', ${at}) * 1000::float8`
const time = (ms: string): string => `pg_catalog.to_timestamp(${ms}::float8 / 1000::float8)`

/** The points of one series in a range of time. */
export const readPoints = statement<
  readonly [kind: string, queue: string, name: string, step: number, fromMs: number, toMs: number],
  PointRow
>(
  'metrics_points',
  (t) => `
    SELECT ${epochMs('p.at')} AS at_ms, ${arrays('p')}
      FROM ${t.own('metrics_series')} s
      JOIN ${t.own('metrics_points')} p ON p.series = s.id
     WHERE s.kind = $1::text AND s.queue = $2::text AND s.name = $3::text
       AND p.step = $4::int AND p.at >= ${time('$5')} AND p.at < ${time('$6')}
     ORDER BY p.at`,
)

const sumOf = (letter: string, n: number, of = 'sum'): string =>
  `coalesce(pg_catalog.${of}(e.${letter}[${n}]), 0)`
const sumsOf = (letter: string, length: number, of?: string): string =>
  `ARRAY[${Array.from({ length }, (_, n) => sumOf(letter, n + 1, of)).join(', ')}]`

/** The same of the last 15 minutes, by ten seconds, from what the processes wrote; of one of them with a source. */
export const readLive = statement<
  readonly [
    kind: string,
    queue: string | null,
    name: string | null,
    fromMs: number,
    toMs: number,
    source: string | null,
  ],
  PointRow
>(
  'metrics_live',
  (t) => `
    WITH entries AS MATERIALIZED (
      SELECT l.at, e.c, e.s, e.m, e.b, e.a
        FROM ${t.own('metrics_live')} l
       CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(l.data)
               AS e(k text, q text, n text, c bigint[], s float8[], m float8[], b smallint[], a bigint[])
       WHERE l.at >= ${time('$4')} AND l.at < ${time('$5')} AND l.source = coalesce($6::text::uuid, l.source)
         AND e.k = $1::text AND e.q = coalesce($2::text, e.q) AND e.n = coalesce($3::text, e.n)
    )
    SELECT ${epochMs('x.at')} AS at_ms, ${json('x.counts')} AS counts, ${json('x.sums')} AS sums,
           ${json('x.maxima')} AS maxima, ${json('d.buckets')} AS buckets, ${json('d.amounts')} AS amounts
      FROM (SELECT e.at, ${sumsOf('c', 7)} AS counts, ${sumsOf('s', 3)} AS sums, ${sumsOf('m', 3, 'max')} AS maxima
              FROM entries e GROUP BY e.at) x
     CROSS JOIN LATERAL (
             SELECT coalesce(pg_catalog.array_agg(u.bucket ORDER BY u.bucket), '{}') AS buckets,
                    coalesce(pg_catalog.array_agg(u.amount ORDER BY u.bucket), '{}') AS amounts
               FROM (SELECT f.bucket, pg_catalog.sum(f.amount)::int8 AS amount
                       FROM entries e
                      CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(e.b), pg_catalog.unnest(e.a)) AS f(bucket, amount)
                      WHERE e.at = x.at
                      GROUP BY f.bucket) u) d
     ORDER BY x.at`,
)

/** The attempts of a minute, by queue: the last one that ended `lag` seconds ago or earlier, by the database's clock. */
export const readRates = statement<
  readonly [lag: number],
  { readonly queue: string; readonly counts: string }
>(
  'metrics_rates',
  (t) => `
    WITH ends AS (
      SELECT pg_catalog.to_timestamp(
               pg_catalog.floor((pg_catalog.date_part('epoch', ${t.fn('now')}()) - $1::float8) / 10::float8)
                 * 10::float8) AS at
    )
    SELECT e.q AS queue, ${json(sumsOf('c', 7))} AS counts
      FROM ends
      JOIN ${t.own('metrics_live')} l ON l.at >= ends.at - '60 seconds'::interval AND l.at < ends.at
     CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(l.data) AS e(k text, q text, c bigint[])
     WHERE e.k = 'job'
     GROUP BY e.q
     ORDER BY e.q`,
)

/** The sums since ever of pairs, and of measurements, that were used in the last 30 days. */
export const readTotals = statement<readonly [], TotalRow>(
  'metrics_totals',
  (t) => `
    SELECT s.kind, s.queue, s.name, ${arrays('p')}
      FROM ${t.own('metrics_series')} s
      JOIN ${t.own('metrics_points')} p ON p.step = 0 AND p.series = s.id
     WHERE s.kind IN ('pair', 'custom') AND s.used_at > ${t.fn('now')}() - '30 days'::interval
     ORDER BY s.kind, s.queue, s.name`,
)

export interface QueueCountRow {
  readonly queue: string
  readonly waiting: number
  readonly scheduled: number
  readonly blocked: number
  readonly running: number
  readonly is_bounded: boolean
  readonly oldest_ms: number | null
  readonly age_ms: number | null
}

const ageMs = (at: string, clock: string): string =>
  `CASE WHEN ${at} IS NOT NULL
        THEN greatest(0::float8, pg_catalog.date_part('epoch', ${clock}() - ${at}) * 1000::float8) END`

/** What is stored of each queue: a row a queue, however many jobs it has. */
export const readQueueCounts = statement<readonly [], QueueCountRow>(
  'metrics_queue_counts',
  (t) => `
    SELECT c.queue, (c.ready + c.parked)::float8 AS waiting, (c.scheduled + c.backoff)::float8 AS scheduled,
           c.blocked::float8 AS blocked, c.running::float8 AS running, c.is_bounded,
           ${ageMs('c.oldest_at', t.fn('clock'))} AS oldest_ms,
           ${ageMs('least(l.at, CASE WHEN c.is_bounded THEN c.deep_at END)', t.fn('clock'))} AS age_ms
      FROM ${t.own('metrics_queue_counts')} c
      LEFT JOIN ${t.own('metrics_levels')} l ON l.name = 'queues'
     ORDER BY c.queue`,
)

export interface FleetRow {
  readonly workers: number
  readonly leader: string | null
  /** JSON of the last sample of the server, or null. */
  readonly server: string | null
  readonly server_age_ms: number | null
  readonly queues_age_ms: number | null
}

/** Workers with a lease and the leader, as they are, and the last sample of the server. */
export const readFleet = statement<readonly [], FleetRow>(
  'metrics_fleet',
  (t) => `
    SELECT (SELECT pg_catalog.count(*)::int4 FROM ${t.workers} w
             WHERE w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()) AS workers,
           (SELECT l.worker_id::text FROM ${t.leader} l
             WHERE l.name = 'worker' AND l.expires_at > ${t.fn('now')}()) AS leader,
           (SELECT l.data::text FROM ${t.own('metrics_levels')} l WHERE l.name = 'server') AS server,
           (SELECT ${ageMs('l.at', t.fn('clock'))} FROM ${t.own('metrics_levels')} l
             WHERE l.name = 'server') AS server_age_ms,
           (SELECT ${ageMs('l.at', t.fn('clock'))} FROM ${t.own('metrics_levels')} l
             WHERE l.name = 'queues') AS queues_age_ms`,
)
