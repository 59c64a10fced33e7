-- How many jobs of a queue are due and do not run, counted to 10,000: what more workers could run, for an autoscaler.
-- It is right without a worker too: jobs whose time has come and that no worker has staged count, and those that a
-- worker without a lease has left. Blocked jobs do not: they wait for a slot of their concurrency group.
-- Part of the public interface: its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.backlog(queue text) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  wanted_queue text := backlog.queue;
  bound int := 10000;
  total int;
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  SELECT f.highs, f.lows, f.afters, f.befores
    INTO highs, lows, afters, befores
    FROM part.watermarks_now() f;
  IF highs IS NULL THEN
    SELECT count(*)::int INTO total
      FROM (SELECT 1 FROM chancy.jobs j
             WHERE j.queue = wanted_queue AND part.is_ready(j)
             ORDER BY j.priority DESC, j.position
             LIMIT bound) c;
  ELSE
    -- From the watermarks on, or dead tuples before them would be read.
    SELECT count(*)::int INTO total
      FROM (
        SELECT 1
          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
         CROSS JOIN LATERAL (
           SELECT one.tid
             FROM (
               SELECT j.ctid AS tid FROM chancy.jobs j
                WHERE g.high = g.low AND j.queue = wanted_queue AND part.is_ready(j) AND j.priority = g.high
                  AND j.position > g.after AND j.position < g.before
                ORDER BY j.priority DESC, j.position
                LIMIT bound) one
           UNION ALL
           SELECT gap.tid
             FROM (
               SELECT j.ctid AS tid FROM chancy.jobs j
                WHERE g.high <> g.low AND j.queue = wanted_queue AND part.is_ready(j)
                  AND j.priority < g.high AND j.priority > g.low
                ORDER BY j.priority DESC, j.position
                LIMIT bound) gap) r
         LIMIT bound) c;
  END IF;
  IF total < bound THEN
    total := total + (
      SELECT count(*)::int
        FROM (SELECT 1 FROM chancy.jobs j
               WHERE j.queue = wanted_queue AND j.parked
               ORDER BY j.name, j.priority DESC, j.seq
               LIMIT bound - total) c);
  END IF;
  IF total < bound THEN
    -- Those of all queues are in one order. With a worker there are hardly any.
    total := total + (
      SELECT count(*)::int
        FROM (SELECT 1
                FROM (SELECT j.queue FROM chancy.jobs j
                       WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
                         AND j.run_at <= chancy.clock_1()
                       ORDER BY j.run_at
                       LIMIT 10 * bound) d
               WHERE d.queue = wanted_queue
               LIMIT bound - total) c);
  END IF;
  IF total < bound THEN
    -- A job that was claimed again by the same worker stands in two of its claims.
    total := total + (
      SELECT count(DISTINCT c.id)::int
        FROM (SELECT j.id
                FROM (SELECT i.id, o.worker_id
                        FROM chancy.claims o
                       CROSS JOIN LATERAL unnest(o.ids) AS i(id)
                       WHERE (SELECT true FROM chancy.workers w WHERE w.id = o.worker_id AND part.is_alive(w)) IS NULL
                       LIMIT 10 * bound) i
               CROSS JOIN LATERAL (
                       SELECT k.id, k.queue FROM chancy.jobs k
                        WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
                       OFFSET 0) j
               WHERE j.queue = wanted_queue
               LIMIT bound - total) c);
  END IF;
  RETURN total;
END $body$;
