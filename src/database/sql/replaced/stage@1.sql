-- Gives their positions to jobs whose time has come, oldest first. Returns the queues touched and, in a last row
-- without a queue, the milliseconds until the next job is due (null: none waits).
CREATE OR REPLACE FUNCTION chancy.stage_1(max_jobs int, given_now timestamptz)
RETURNS TABLE (queue text, staged int, next_ms float8)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := coalesce(given_now, chancy.clock_1());
  drawn bigint := (SELECT s.last_value FROM chancy.positions s);
BEGIN
  PERFORM part.read_committed_only();
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT j.ctid AS tid, j.run_at, j.concurrency_key AS key, j.queue, j.priority, part.own_max(j) AS max
      FROM chancy.jobs j
     WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
       AND j.run_at <= at
     ORDER BY j.run_at
     LIMIT max_jobs
       FOR NO KEY UPDATE SKIP LOCKED
  ), placed AS MATERIALIZED (
    -- One position a row, drawn in the order of the times. What is surplus in its group is blocked.
    SELECT d.tid, d.is_surplus, nextval('chancy.positions') AS position
      FROM (
        SELECT due.tid, due.run_at, false AS is_surplus FROM due WHERE due.key IS NULL
        UNION ALL
        SELECT k.tid, k.run_at, k.rank + k.waiting > part.surplus_from(k.max)
          FROM (
            SELECT g.tid, g.run_at, g.rank, g.max,
                   max(CASE WHEN g.rank = 1 THEN part.waiting_before(drawn) END)
                     OVER (PARTITION BY g.key, g.queue, g.priority) AS waiting
              FROM (
                SELECT due.*, row_number() OVER (PARTITION BY due.key, due.queue, due.priority
                                                     ORDER BY due.run_at) AS rank
                  FROM due
                 WHERE due.key IS NOT NULL) g) k
         ORDER BY run_at) d
  ), ready AS (
    UPDATE chancy.jobs j
       SET position = CASE WHEN p.is_surplus THEN NULL ELSE p.position END, blocked = p.is_surplus,
           seq = coalesce(j.seq, p.position),
           -- A durable job whose time has come waits no longer.
           waits = NULL
      FROM placed p
     WHERE j.ctid = p.tid
    RETURNING j.queue
  )
  SELECT r.queue, count(*)::int, NULL::float8 FROM ready r GROUP BY r.queue;

  RETURN QUERY
  SELECT NULL::text, 0,
         (SELECT extract(epoch FROM j.run_at - at)::float8 * 1000
            FROM chancy.jobs j
           WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
             -- Before PostgreSQL 17 nothing can be subtracted from infinity.
             AND j.run_at < 'infinity'
           ORDER BY j.run_at
           LIMIT 1);
END $body$;
