import type { Names } from '../../../database/names.ts'
import { OTHER } from './tables.ts'

/** One entry of the column data, and the series that it counts for. What a later release adds is left out. */
const ENTRY = `e(k text, q text, n text, c bigint[], s float8[], m float8[], b smallint[], a bigint[])`
const KINDS = `
  (VALUES ('all', '', ''), ('queue', e.q, ''), ('name', '', e.n), ('pair', e.q, e.n), ('custom', '', e.n))
       AS v(kind, queue, name)`
const KIND_FITS = `e.k = CASE WHEN v.kind = 'custom' THEN 'custom' ELSE 'job' END`

/** Adds two arrays by their positions. */
const added = (column: string, length: number): string =>
  `ARRAY[${Array.from({ length }, (_, n) => `coalesce(p.${column}[${n + 1}], 0) + coalesce(excluded.${column}[${n + 1}], 0)`).join(', ')}]`
const each = (text: (n: number) => string, length: number): string =>
  Array.from({ length }, (_, n) => text(n + 1)).join(', ')

/**
 * Adds up to max_rows flushes to the points of every step, and returns how many it took. Each is taken once: its row
 * is locked, marked and added in one transaction, and a second leader passes over what is locked. A kind has at most
 * max_series series that were used in the last 30 days; what is over that counts for '(other)', the least used first.
 */
export const rollFunction = (t: Names): string => `
CREATE FUNCTION ${t.own('metrics_roll_1')}(max_rows int, max_series int) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS ${t.body}
#variable_conflict use_column
DECLARE
  taken tid[];
BEGIN
  taken := ARRAY(
    SELECT l.ctid FROM ${t.own('metrics_live')} l
     WHERE NOT l.rolled
     ORDER BY l.at
     LIMIT max_rows
       FOR NO KEY UPDATE SKIP LOCKED);
  IF cardinality(taken) = 0 THEN
    RETURN 0;
  END IF;

  INSERT INTO ${t.own('metrics_series')} (kind, queue, name)
  SELECT w.kind, w.queue, w.name
    FROM (
      SELECT v.kind, v.queue, v.name,
             row_number() OVER (PARTITION BY v.kind ORDER BY sum(coalesce(e.c[1], 0)) DESC, v.queue, v.name) AS rank
        FROM ${t.own('metrics_live')} l
       CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS ${ENTRY}
       CROSS JOIN LATERAL ${KINDS}
       WHERE l.ctid = ANY (taken) AND ${KIND_FITS} AND octet_length(v.queue || v.name) <= 1000
         AND NOT EXISTS (SELECT 1 FROM ${t.own('metrics_series')} s
                          WHERE s.kind = v.kind AND s.queue = v.queue AND s.name = v.name)
       GROUP BY v.kind, v.queue, v.name) w
    LEFT JOIN (
      SELECT s.kind, count(*) AS used
        FROM ${t.own('metrics_series')} s
       WHERE s.used_at > ${t.fn('now')}() - interval '30 days' AND '${OTHER}' NOT IN (s.queue, s.name)
       GROUP BY s.kind) u ON u.kind = w.kind
   WHERE w.rank <= max_series - coalesce(u.used, 0)
   ORDER BY w.kind, w.queue, w.name
  ON CONFLICT DO NOTHING;

  WITH entries AS MATERIALIZED (
    SELECT to_timestamp(floor(extract(epoch FROM l.at) / 60) * 60) AS at, e.*
      FROM ${t.own('metrics_live')} l
     CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS ${ENTRY}
     WHERE l.ctid = ANY (taken) AND e.k IN ('job', 'custom')
  ), sums AS (
    SELECT e.at, e.k, e.q, e.n, ${each((n) => `sum(e.c[${n}])::bigint AS c${n}`, 7)},
           ${each((n) => `sum(e.s[${n}]) AS s${n}, max(e.m[${n}]) AS m${n}`, 3)}
      FROM entries e
     GROUP BY e.at, e.k, e.q, e.n
  ), cells AS (
    SELECT e.at, e.k, e.q, e.n, u.bucket, sum(u.amount)::bigint AS amount
      FROM entries e
     CROSS JOIN LATERAL unnest(e.b, e.a) AS u(bucket, amount)
     WHERE u.amount IS NOT NULL AND u.bucket IS NOT NULL
     GROUP BY e.at, e.k, e.q, e.n, u.bucket
  ), series AS MATERIALIZED (
    SELECT e.k, e.q, e.n, coalesce(s.id, o.id) AS id
      FROM (SELECT DISTINCT entries.k, entries.q, entries.n FROM entries) e
     CROSS JOIN LATERAL ${KINDS}
      LEFT JOIN ${t.own('metrics_series')} s ON s.kind = v.kind AND s.queue = v.queue AND s.name = v.name
      LEFT JOIN ${t.own('metrics_series')} o
             ON o.kind = v.kind AND o.queue = CASE v.queue WHEN '' THEN '' ELSE '${OTHER}' END
            AND o.name = CASE v.name WHEN '' THEN '' ELSE '${OTHER}' END
     WHERE ${KIND_FITS} AND coalesce(s.id, o.id) IS NOT NULL
  ), steps AS (
    SELECT v.step FROM (VALUES (0), (60), (300), (3600), (86400)) AS v(step)
  ), points AS (
    SELECT x.step, r.id AS series,
           CASE x.step WHEN 0 THEN 'epoch'::timestamptz
                ELSE to_timestamp(floor(extract(epoch FROM u.at) / x.step) * x.step) END AS at,
           ARRAY[${each((n) => `coalesce(sum(u.c${n}), 0)::bigint`, 7)}] AS counts,
           ARRAY[${each((n) => `coalesce(sum(u.s${n}), 0)`, 3)}] AS sums,
           ARRAY[${each((n) => `coalesce(max(u.m${n}), 0)`, 3)}] AS maxima
      FROM sums u
      JOIN series r ON r.k = u.k AND r.q = u.q AND r.n = u.n
     CROSS JOIN steps x
     GROUP BY 1, 2, 3
  ), spread AS (
    SELECT d.step, d.series, d.at, array_agg(d.bucket ORDER BY d.bucket) AS buckets,
           array_agg(d.amount ORDER BY d.bucket) AS amounts
      FROM (
        SELECT x.step, r.id AS series,
               CASE x.step WHEN 0 THEN 'epoch'::timestamptz
                    ELSE to_timestamp(floor(extract(epoch FROM u.at) / x.step) * x.step) END AS at,
               u.bucket, sum(u.amount)::bigint AS amount
          FROM cells u
          JOIN series r ON r.k = u.k AND r.q = u.q AND r.n = u.n
         CROSS JOIN steps x
         GROUP BY 1, 2, 3, 4) d
     GROUP BY d.step, d.series, d.at
  )
  INSERT INTO ${t.own('metrics_points')} AS p (step, series, at, counts, sums, maxima, buckets, amounts)
  SELECT o.step, o.series, o.at, o.counts, o.sums, o.maxima, coalesce(d.buckets, '{}'), coalesce(d.amounts, '{}')
    FROM points o
    LEFT JOIN spread d ON d.step = o.step AND d.series = o.series AND d.at = o.at
   ORDER BY o.step, o.series, o.at
  ON CONFLICT (step, series, at) DO UPDATE
     SET counts = ${added('counts', 7)}, sums = ${added('sums', 3)},
         maxima = ARRAY[${each((n) => `greatest(p.maxima[${n}], excluded.maxima[${n}])`, 3)}],
         (buckets, amounts) = (
           SELECT coalesce(array_agg(f.bucket ORDER BY f.bucket), '{}'),
                  coalesce(array_agg(f.amount ORDER BY f.bucket), '{}')
             FROM (
               SELECT u.bucket, sum(u.amount)::bigint AS amount
                 FROM (SELECT * FROM unnest(p.buckets, p.amounts)
                       UNION ALL
                       SELECT * FROM unnest(excluded.buckets, excluded.amounts)) AS u(bucket, amount)
                GROUP BY u.bucket) f);

  UPDATE ${t.own('metrics_series')} s
     SET used_at = ${t.fn('now')}()
   WHERE s.used_at < ${t.fn('now')}() - interval '1 hour'
     AND s.id IN (SELECT r.id
                    FROM ${t.own('metrics_live')} l
                   CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS ${ENTRY}
                   CROSS JOIN LATERAL ${KINDS}
                    JOIN ${t.own('metrics_series')} r
                      ON r.kind = v.kind AND r.queue = v.queue AND r.name = v.name
                   WHERE l.ctid = ANY (taken) AND ${KIND_FITS});
  UPDATE ${t.own('metrics_live')} l SET rolled = true WHERE l.ctid = ANY (taken);
  RETURN cardinality(taken);
END ${t.body}`
