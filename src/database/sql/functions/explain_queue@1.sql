-- Jobs of a queue by what keeps them, each counted to `bound`. No index is kept for this alone where jobs are
-- blocked or run, since that would cost every claim: there it walks over the groups, or the running jobs, of all
-- queues, over `max_scanned` at most.
CREATE OR REPLACE FUNCTION chancy.explain_queue_1(wanted_queue text, bound int, max_scanned int)
RETURNS TABLE (
  queue_state text, ready int, scheduled int, backoff int, parked int,
  blocked int, blocked_more boolean, running int, running_more boolean,
  tags text, workers text, next_start_ms float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
SET enable_sort = off
SET enable_incremental_sort = off
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  found_queue record;
  rate_per interval;
  next_start timestamptz;
  walked record;
  seen record;
BEGIN
  SELECT CASE WHEN q.state = 'paused' AND q.resume_at <= chancy.now_1() THEN 'active' ELSE q.state END AS state,
         q.tags, q.rate_max, q.rate_per_ms
    INTO found_queue
    FROM chancy.queues q
   WHERE q.name = wanted_queue;
  PERFORM part.next_start(wanted_queue);

  WITH RECURSIVE walk AS (
    SELECT ''::text COLLATE "C" AS key, 0 AS groups, 0 AS jobs
    UNION ALL
    SELECT n.key, walk.groups + 1, walk.jobs + c.jobs
      FROM walk
     CROSS JOIN LATERAL (
             SELECT b.concurrency_key AS key
               FROM chancy.jobs b
              WHERE b.blocked AND b.concurrency_key > walk.key
              ORDER BY b.concurrency_key
              LIMIT 1) n
     CROSS JOIN LATERAL (
             SELECT count(*)::int AS jobs
               FROM (
                 SELECT 1
                   FROM chancy.jobs j
                  WHERE j.blocked AND j.concurrency_key = n.key AND j.queue = wanted_queue
                  ORDER BY j.priority DESC, j.seq
                  LIMIT bound - walk.jobs) counted) c
     WHERE walk.groups <= max_scanned AND walk.jobs < bound
  )
  SELECT max(walk.jobs) AS jobs, max(walk.groups) > max_scanned AS more INTO walked FROM walk;

  -- A job that was claimed again by the same worker stands in two of its claims.
  SELECT count(DISTINCT r.id) FILTER (WHERE r.queue = wanted_queue)::int AS jobs,
         count(*) > max_scanned AS more
    INTO seen
    FROM (
      SELECT j.queue, i.id
        FROM (
          SELECT i.id, c.worker_id
            FROM chancy.claims c
           CROSS JOIN LATERAL unnest(c.ids) AS i(id)
           ORDER BY c.worker_id, c.claim_seq
           LIMIT max_scanned + 1) i
        LEFT JOIN LATERAL (
               SELECT k.queue FROM chancy.jobs k
                WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
               OFFSET 0) j ON true) r;

  RETURN QUERY
  SELECT found_queue.state,
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM chancy.jobs j
               WHERE j.queue = wanted_queue AND part.is_ready(j)
               ORDER BY j.priority DESC, j.position
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM chancy.jobs j
               WHERE j.queue = wanted_queue
                 AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.seq IS NULL
               ORDER BY j.seq
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM chancy.jobs j
               WHERE j.queue = wanted_queue
                 AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.seq IS NOT NULL
               ORDER BY j.seq
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM chancy.jobs j
               WHERE j.queue = wanted_queue AND j.parked
               ORDER BY j.name, j.priority DESC, j.seq
               LIMIT bound) counted),
         walked.jobs, walked.more, seen.jobs, seen.more, found_queue.tags::text,
         part.living_workers(), date_part('epoch', next_start) * 1000;
END $body$;
