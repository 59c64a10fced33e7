-- Ready jobs that no worker will take: those of queues that are not declared, and those whose function no living
-- worker of their queue knows. Each is counted to `bound`. Only the worker that has lived longest gets the answer.
-- The queues, and the names of what was parked, are found by one probe of an index each, however many jobs
-- they have.
CREATE OR REPLACE FUNCTION chancy.unserved_1(worker uuid, bound int)
RETURNS TABLE (kind text, queue text, name text, jobs int)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  IF worker IS DISTINCT FROM (
       SELECT w.id FROM chancy.workers w WHERE part.is_alive(w) ORDER BY w.started_at, w.id LIMIT 1) THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE ready_in(queue) AS (
    (SELECT j.queue
       FROM chancy.jobs j
      WHERE j.position IS NOT NULL AND j.claim_seq IS NULL
      ORDER BY j.queue
      LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue
              FROM chancy.jobs j
             WHERE j.position IS NOT NULL AND j.claim_seq IS NULL AND j.queue > l.queue
             ORDER BY j.queue
             LIMIT 1)
      FROM ready_in l
     WHERE l.queue IS NOT NULL
  )
  SELECT 'queue-undeclared', l.queue, NULL::text, c.jobs
    FROM ready_in l
   CROSS JOIN LATERAL (
           SELECT count(*)::int AS jobs
             FROM (SELECT 1 FROM chancy.jobs j
                    WHERE j.queue = l.queue AND part.is_ready(j)
                    LIMIT bound) b) c
   WHERE l.queue IS NOT NULL AND c.jobs > 0
     AND NOT EXISTS (SELECT 1 FROM chancy.queues q WHERE q.name = l.queue);

  RETURN QUERY
  WITH RECURSIVE parked_names AS (
    (SELECT j.queue, j.name FROM chancy.jobs j WHERE j.parked ORDER BY j.queue, j.name LIMIT 1)
    UNION ALL
    SELECT n.queue, n.name
      FROM parked_names l
     CROSS JOIN LATERAL (
             SELECT j.queue, j.name
               FROM chancy.jobs j
              WHERE j.parked AND (j.queue, j.name) > (l.queue, l.name)
              ORDER BY j.queue, j.name
              LIMIT 1) n
  )
  SELECT 'function-unknown', l.queue, l.name::text, c.jobs
    FROM parked_names l
   CROSS JOIN LATERAL (
           SELECT count(*)::int AS jobs
             FROM (SELECT 1 FROM chancy.jobs j
                    WHERE j.parked AND j.queue = l.queue AND j.name = l.name
                    LIMIT bound) b) c
   WHERE NOT EXISTS (
           SELECT 1 FROM chancy.workers w
            WHERE part.is_alive(w) AND w.queues ? l.queue AND w.names ? l.name);
END $body$;
