-- Counts ends of jobs of batches, under their locks, which the caller holds: see flow. An end is a row without a step whose
-- result has the numbers of jobs by state. Of a batch that is being stopped the jobs end that wait, and running ones are
-- asked. The last end pushes the callbacks that fit.
--
-- A transaction takes a thousand rows, of which some may be missing that came before those it takes: a batch ends only
-- when no row is left.
CREATE OR REPLACE FUNCTION chancy.count_batch_1(batches uuid[], ends chancy.step_ends[])
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  one record;
  finished uuid[];
BEGIN
  WITH gone AS (
    DELETE FROM chancy.step_ends s
     WHERE s.ctid = ANY (ARRAY(
             SELECT o.ctid FROM chancy.step_ends o WHERE o.owner_id = ANY (batches) LIMIT 1000))
    RETURNING s.owner_id, s.result
  ), sums AS MATERIALIZED (
    SELECT a.owner_id, coalesce(sum((a.result ->> 'succeeded')::int), 0)::int AS fine,
           coalesce(sum((a.result ->> 'failed')::int), 0)::int AS failed,
           coalesce(sum((a.result ->> 'cancelled')::int), 0)::int AS cancelled
      FROM (SELECT g.owner_id, g.result FROM gone g
            UNION ALL
            SELECT e.owner_id, e.result FROM unnest(ends) e) a
     GROUP BY a.owner_id
  )
  UPDATE chancy.workflows w
     SET open = w.open - s.fine - s.failed - s.cancelled, bad = w.bad + s.failed, cancelled = w.cancelled + s.cancelled
    FROM sums s
   WHERE w.id = s.owner_id;

  FOR one IN
    SELECT w.id FROM chancy.workflows w
     WHERE w.id = ANY (batches) AND w.stopping IS NOT NULL AND w.finished_at IS NULL
     ORDER BY w.id
  LOOP
    RETURN QUERY SELECT s.* FROM chancy.stop_batch_1(one.id, at) s;
  END LOOP;

  -- A later statement: it sees what came meanwhile.
  FOR one IN
    SELECT w.id, (SELECT true FROM chancy.step_ends e WHERE e.owner_id = w.id LIMIT 1) AS has_ends
      FROM chancy.workflows w
     WHERE w.id = ANY (batches) AND w.open = 0 AND w.finished_at IS NULL
     ORDER BY w.id
  LOOP
    CONTINUE WHEN one.has_ends;
    finished := finished || one.id;
    RETURN QUERY SELECT e.* FROM chancy.end_batch_1(one.id, at) e;
  END LOOP;
  RETURN QUERY
  SELECT 'left', b.id, NULL::text
    FROM unnest(batches) AS b(id)
   WHERE (SELECT true FROM chancy.step_ends e WHERE e.owner_id = b.id LIMIT 1);
  -- Only checked where a wait is registered.
  IF finished IS NOT NULL AND (SELECT true FROM chancy.waiters LIMIT 1) AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM chancy.waiters w
      WHERE w.job_id = ANY (finished);
  END IF;
END $body$;
