import type { Names } from '../../../database/names.ts'

/** The tables are empty one moment and full the next: no plan may depend on statistics (ENGINE.md, Plans). */
const STEADY = `SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off`

/** In the order of a queue. A running job without a concurrency limit keeps its position. */
const IN_ORDER = 'j.position IS NOT NULL AND j.claim_seq IS NULL'
const READY = `${IN_ORDER} AND j.state <> 'running'`
const LATER = 'j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL'
const LOWEST = '(-9007199254740992)::bigint'
const HIGHEST = '9007199254740991::bigint'
/** A job that was tried before waits since then at the earliest. */
const SINCE = 'greatest(j.created_at, j.scheduled_at, j.started_at)'
/** Where the queue has watermarks, nothing before them is read: dead tuples may pile up there. */
const watermarksOf = (t: Names, queue: string): string => `
      FROM ${t.scanWatermarks} l
     WHERE l.queue = ${queue}
       AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > ${t.fn('now')}() - interval '1 minute')`

const counted = (t: Names, where: string, order: string): string => `(
    SELECT count(*) FROM (SELECT 1 FROM ${t.jobs} j WHERE ${where} ORDER BY ${order} LIMIT bound) c)`
/** How many priorities are read of a range. */
const MOST_PRIORITIES = 16
/** Since when the first ready job of each priority could run, highest first. */
const headRows = (t: Names): string => {
  const first = (n: string, where: string): string => `
         SELECT j.priority, ${SINCE} AS since, ${n} AS n FROM ${t.jobs} j
          WHERE j.queue = q AND ${READY} AND ${where}
          ORDER BY j.priority DESC, j.position
          LIMIT 1`
  return `
      unnest(highs, lows, afters, befores) AS g(high, low, after, before)
     CROSS JOIN LATERAL (
       SELECT one.since FROM (${first('1', 'g.high = g.low AND j.priority = g.high AND j.position > g.after AND j.position < g.before')}) one
       UNION ALL
       (WITH RECURSIVE heads AS (
          (${first('1', 'g.high <> g.low AND j.priority < g.high AND j.priority > g.low')})
          UNION ALL
          SELECT f.* FROM heads h
           CROSS JOIN LATERAL (${first('h.n + 1', 'j.priority < h.priority AND j.priority > g.low')}) f
           WHERE h.n < ${MOST_PRIORITIES})
        SELECT heads.since FROM heads)) r`
}
/** The ready jobs of a queue in its order, from its watermarks on, at most \`most\` of each range. */
const readyRows = (t: Names, columns: string, most: string): string => `
      unnest(highs, lows, afters, befores) AS g(high, low, after, before)
     CROSS JOIN LATERAL (
       SELECT one.* FROM (
         SELECT ${columns} FROM ${t.jobs} j
          WHERE g.high = g.low AND j.queue = q AND ${READY} AND j.priority = g.high
            AND j.position > g.after AND j.position < g.before
          ORDER BY j.priority DESC, j.position
          LIMIT ${most}) one
       UNION ALL
       SELECT gap.* FROM (
         SELECT ${columns} FROM ${t.jobs} j
          WHERE g.high <> g.low AND j.queue = q AND ${READY} AND j.priority < g.high AND j.priority > g.low
          ORDER BY j.priority DESC, j.position
          LIMIT ${most}) gap) r`

export const countFunctions = (t: Names): readonly string[] => [
  // Jobs of these queues by what keeps them, each counted to the bound in the order of an index.
  `CREATE FUNCTION ${t.own('metrics_count_1')}(wanted text[], bound int)
RETURNS TABLE (queue text, ready bigint, parked bigint, scheduled bigint, backoff bigint, oldest_at timestamptz)
LANGUAGE plpgsql STABLE
${STEADY}
AS ${t.body}
#variable_conflict use_column
DECLARE
  q text;
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  FOREACH q IN ARRAY wanted LOOP
    SELECT l.highs, l.lows, l.afters, l.befores INTO highs, lows, afters, befores ${watermarksOf(t, 'q')};
    IF highs IS NULL THEN
      highs := ARRAY[2147483648::bigint];
      lows := ARRAY[(-2147483649)::bigint];
      afters := ARRAY[${LOWEST}];
      befores := ARRAY[${HIGHEST}];
    END IF;
    RETURN QUERY
    SELECT q,
           (SELECT count(*) FROM (SELECT 1 FROM ${readyRows(t, '1', 'bound')} LIMIT bound) c),
           ${counted(t, 'j.queue = q AND j.parked', 'j.name, j.priority DESC, j.seq')},
           ${counted(t, `j.queue = q AND ${LATER} AND j.seq IS NULL`, 'j.seq')},
           ${counted(t, `j.queue = q AND ${LATER} AND j.seq IS NOT NULL`, 'j.seq')},
           (SELECT min(r.since) FROM ${headRows(t)});
  END LOOP;
END ${t.body}`,
  // Continues to count the jobs in the order of a queue behind a position, max_rows at most, so that no snapshot is
  // held for long; from the beginning without a priority. Answers where it came to; no priority: to the end. Those that run are counted too.
  `CREATE FUNCTION ${t.own('metrics_scan_1')}(q text, from_priority bigint, from_position bigint, max_rows int)
RETURNS TABLE (scanned int, priority bigint, "position" bigint)
LANGUAGE plpgsql STABLE
${STEADY}
AS ${t.body}
#variable_conflict use_variable
DECLARE
  p bigint := from_priority;
  low bigint := from_position;
  high bigint;
  found_rows int;
  reached bigint;
  total int := 0;
  marks record;
  i int;
BEGIN
  SELECT l.priorities, l.requeue_watermarks, l.watermarks INTO marks ${watermarksOf(t, 'q')};
  IF p IS NULL THEN
    p := (SELECT j.priority::bigint FROM ${t.jobs} j
           WHERE j.queue = q AND ${IN_ORDER}
           ORDER BY j.priority DESC, j.position
           LIMIT 1);
    low := ${LOWEST};
  END IF;
  WHILE p IS NOT NULL LOOP
    i := array_position(marks.priorities, p::int);
    high := ${HIGHEST};
    IF i IS NOT NULL AND low < 0 THEN
      low := greatest(low, marks.requeue_watermarks[i]);
      high := 0;
    ELSIF i IS NOT NULL THEN
      low := greatest(low, marks.watermarks[i]);
    END IF;
    SELECT count(*)::int, max(c.at) INTO found_rows, reached
      FROM (SELECT j.position AS at FROM ${t.jobs} j
             WHERE j.queue = q AND ${IN_ORDER} AND j.priority = p AND j.position > low AND j.position < high
             ORDER BY j.priority DESC, j.position
             LIMIT max_rows - total) c;
    total := total + found_rows;
    IF total >= max_rows THEN
      RETURN QUERY SELECT total, p, reached;
      RETURN;
    END IF;
    IF high = 0 THEN
      low := 0;
      CONTINUE;
    END IF;
    p := (SELECT j.priority::bigint FROM ${t.jobs} j
           WHERE j.queue = q AND ${IN_ORDER} AND j.priority < p
           ORDER BY j.priority DESC, j.position
           LIMIT 1);
    low := ${LOWEST};
  END LOOP;
  RETURN QUERY SELECT total, NULL::bigint, NULL::bigint;
END ${t.body}`,
  // What no index orders further, counted to a bound that holds no snapshot for long.
  `CREATE FUNCTION ${t.own('metrics_count_deep_1')}(q text, bound int)
RETURNS TABLE (parked bigint, scheduled bigint, backoff bigint)
LANGUAGE plpgsql STABLE
${STEADY}
AS ${t.body}
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT ${counted(t, 'j.queue = q AND j.parked', 'j.name, j.priority DESC, j.seq')},
         ${counted(t, `j.queue = q AND ${LATER} AND j.seq IS NULL`, 'j.seq')},
         ${counted(t, `j.queue = q AND ${LATER} AND j.seq IS NOT NULL`, 'j.seq')};
END ${t.body}`,
  // Queues that have jobs and are not declared, by one probe of an index each.
  `CREATE FUNCTION ${t.own('metrics_undeclared_1')}() RETURNS SETOF text
LANGUAGE plpgsql STABLE
${STEADY}
AS ${t.body}
BEGIN
  RETURN QUERY
  WITH RECURSIVE ready AS (
    (SELECT j.queue FROM ${t.jobs} j WHERE ${IN_ORDER} ORDER BY j.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue FROM ${t.jobs} j WHERE ${IN_ORDER} AND j.queue > r.queue ORDER BY j.queue LIMIT 1)
      FROM ready r WHERE r.queue IS NOT NULL
  ), later AS (
    (SELECT j.queue FROM ${t.jobs} j WHERE ${LATER} ORDER BY j.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue FROM ${t.jobs} j WHERE ${LATER} AND j.queue > r.queue ORDER BY j.queue LIMIT 1)
      FROM later r WHERE r.queue IS NOT NULL
  )
  SELECT f.queue FROM (SELECT ready.queue FROM ready UNION SELECT later.queue FROM later) f
   WHERE f.queue IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${t.queues} k WHERE k.name = f.queue);
END ${t.body}`,
]
