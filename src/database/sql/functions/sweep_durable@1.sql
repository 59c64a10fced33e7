-- Removes what durable jobs left that are gone, those of earlier runs too, for up to `max_jobs` jobs after an id; and the
-- signals of those that have ended. Each job is found by one probe of an index, whatever it has recorded. Returns the
-- last id, null at the end of a round, and the signals that were dropped by their job and name.
CREATE OR REPLACE FUNCTION chancy.sweep_durable_1(after_id uuid, max_jobs int)
RETURNS TABLE (last_id text, removed int, job text, name text, dropped int)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  seen uuid[];
  gone uuid[];
  ended uuid[];
  count_removed int := 0;
  part_removed int;
BEGIN
  WITH RECURSIVE walk AS (
    SELECT after_id AS id, 0 AS i
    UNION ALL
    SELECT least(
             (SELECT s.job_id FROM chancy.job_steps s
               WHERE s.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY s.job_id LIMIT 1),
             (SELECT v.job_id FROM chancy.job_values v
               WHERE v.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY v.job_id LIMIT 1),
             (SELECT g.job_id FROM chancy.signals g
               WHERE g.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY g.job_id LIMIT 1)),
           w.i + 1
      FROM walk w
     WHERE w.i < max_jobs AND (w.id IS NOT NULL OR w.i = 0)
  )
  SELECT array_agg(w.id ORDER BY w.i) INTO seen FROM walk w WHERE w.i > 0 AND w.id IS NOT NULL;
  -- Both in one statement: a job that moves between the tables is in one of them.
  SELECT array_agg(i.id) FILTER (WHERE f.living IS NULL AND f.kept IS NULL),
         array_agg(i.id) FILTER (WHERE f.living IS NULL)
    INTO gone, ended
    FROM unnest(seen) AS i(id)
   CROSS JOIN LATERAL (
           SELECT (SELECT true FROM chancy.jobs j WHERE j.id = i.id) AS living,
                  (SELECT true FROM chancy.finished_jobs h WHERE h.id = i.id LIMIT 1) AS kept) f;
  DELETE FROM chancy.job_steps s WHERE s.job_id = ANY (gone);
  GET DIAGNOSTICS count_removed = ROW_COUNT;
  DELETE FROM chancy.job_values v WHERE v.job_id = ANY (gone);
  GET DIAGNOSTICS part_removed = ROW_COUNT;
  count_removed := count_removed + part_removed;
  -- Of earlier runs.
  DELETE FROM chancy.job_steps s
   USING (SELECT j.id, (j.extras ->> 'base')::int AS base FROM chancy.jobs j
           WHERE j.id = ANY (seen) AND j.extras ? 'base') b
   WHERE s.job_id = b.id AND s.n <= b.base;
  GET DIAGNOSTICS part_removed = ROW_COUNT;
  count_removed := count_removed + part_removed;
  -- What jobs have invoked that were cancelled, or whose worker was lost.
  PERFORM chancy.stop_children_1(ARRAY(
    SELECT o.owner_id
      FROM (SELECT w.owner_id FROM chancy.workflows w
             WHERE w.owner_id IS NOT NULL AND w.finished_at IS NULL ORDER BY w.owner_id LIMIT 10000) o
     WHERE (SELECT true FROM chancy.jobs j WHERE j.id = o.owner_id) IS NULL));
  -- What was taken and is kept so that it is not sent twice: a sender tries for less than ten minutes.
  DELETE FROM chancy.signals s
   WHERE s.job_id = ANY (seen) AND s.taken_at < chancy.now_1() - interval '10 minutes' AND s.key LIKE 't:%';
  RETURN QUERY
  SELECT CASE WHEN cardinality(seen) = max_jobs THEN seen[max_jobs]::text END, count_removed,
         NULL::text, NULL::text, 0;
  RETURN QUERY
  SELECT NULL::text, 0, d.job, d.name, d.dropped FROM chancy.drop_signals_1(ended) d;
END $body$;
