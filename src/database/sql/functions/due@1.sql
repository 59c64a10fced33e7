-- What a worker of these queues that knows these names has to do now: rows with a kind, and the queue where it is one.
--
-- - ready: jobs in the order of the queue, or parked, that it could claim;
-- - unstaged: jobs whose time has come and that have no position yet;
-- - blocked: jobs that wait for a slot of their concurrency group;
-- - claimed: jobs that it holds by its claims, and those that a worker without a lease has left.
--
-- What waits for a time does not count: scheduled jobs, and those of a queue that is paused or whose rate limit has no
-- start left. Nor do jobs that run on other workers. All of it is read in one snapshot, so that a job that moves from
-- one kind to another is never missed.
CREATE OR REPLACE FUNCTION chancy.due_1(queues text[], names text[], worker uuid)
RETURNS TABLE (kind text, queue text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  wanted_queues text[] := due_1.queues;
  known_names text[] := due_1.names;
  wanted_worker uuid := due_1.worker;
  wanted_queue text;
  present timestamptz := chancy.clock_1();
  open_queues text[];
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  open_queues := ARRAY(
    SELECT q.name
      FROM chancy.queues q
     WHERE q.name = ANY (wanted_queues) AND (q.state = 'active' OR q.resume_at <= present)
       AND (q.rate_max IS NULL OR q.rate_per_ms <= 0
            OR q.rate_max > (SELECT count(*)
                               FROM chancy.rate_starts s
                              WHERE s.queue = q.name AND s.at > present - make_interval(secs => q.rate_per_ms / 1000))));

  FOREACH wanted_queue IN ARRAY open_queues LOOP
    SELECT f.highs, f.lows, f.afters, f.befores
      INTO highs, lows, afters, befores
      FROM part.watermarks_now() f;
    IF (SELECT true FROM chancy.jobs j
         WHERE j.parked AND j.queue = wanted_queue AND j.name = ANY (known_names)
         LIMIT 1) THEN
      kind := 'ready';
    ELSIF highs IS NULL THEN
      kind := (SELECT 'ready' FROM chancy.jobs j
                WHERE j.queue = wanted_queue AND part.is_ready(j) AND j.name = ANY (known_names)
                LIMIT 1);
    ELSE
      -- From the watermarks on, or dead tuples before them would be read.
      kind := (
        SELECT 'ready'
          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
         CROSS JOIN LATERAL (
           SELECT one.tid
             FROM (
               SELECT j.ctid AS tid FROM chancy.jobs j
                WHERE g.high = g.low AND j.queue = wanted_queue AND part.is_ready(j) AND j.priority = g.high
                  AND j.position > g.after AND j.position < g.before AND j.name = ANY (known_names)
                ORDER BY j.priority DESC, j.position
                LIMIT 1) one
           UNION ALL
           SELECT gap.tid
             FROM (
               SELECT j.ctid AS tid FROM chancy.jobs j
                WHERE g.high <> g.low AND j.queue = wanted_queue AND part.is_ready(j)
                  AND j.priority < g.high AND j.priority > g.low AND j.name = ANY (known_names)
                ORDER BY j.priority DESC, j.position
                LIMIT 1) gap) r
         LIMIT 1);
    END IF;
    IF kind IS NOT NULL THEN
      queue := wanted_queue;
      RETURN NEXT;
    END IF;
  END LOOP;

  RETURN QUERY
  (SELECT 'unstaged', j.queue FROM chancy.jobs j
    WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.run_at <= present
      AND j.queue = ANY (open_queues) AND j.name = ANY (known_names)
    ORDER BY j.run_at
    LIMIT 1);

  RETURN QUERY
  (SELECT 'blocked', j.queue FROM chancy.jobs j
    WHERE j.blocked AND j.queue = ANY (open_queues) AND j.name = ANY (known_names)
    LIMIT 1);

  RETURN QUERY
  (SELECT 'claimed', k.queue
     FROM (SELECT i.id, o.worker_id
             FROM chancy.claims o
            CROSS JOIN LATERAL unnest(o.ids) AS i(id)
            WHERE o.worker_id = wanted_worker
               OR (SELECT true FROM chancy.workers w WHERE w.id = o.worker_id AND part.is_alive(w)) IS NULL) c
    CROSS JOIN LATERAL (
            -- By its id alone: no plan may begin elsewhere.
            SELECT j.queue, j.name FROM chancy.jobs j
             WHERE j.id = c.id AND j.state = 'running' AND j.worker_id = c.worker_id
            OFFSET 0) k
    WHERE c.worker_id = wanted_worker OR k.queue = ANY (open_queues) AND k.name = ANY (known_names)
    LIMIT 1);
END $body$;
