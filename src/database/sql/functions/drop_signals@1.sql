-- For durable jobs that have ended: removes their signals, returns by name those that were not taken, and stops what they
-- have invoked.
CREATE OR REPLACE FUNCTION chancy.drop_signals_1(ids uuid[])
RETURNS TABLE (job text, name text, dropped int)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  PERFORM chancy.stop_children_1(ARRAY(
    SELECT i.id FROM unnest(drop_signals_1.ids) AS i(id)
     WHERE (SELECT true FROM chancy.jobs j WHERE j.id = i.id) IS NULL));
  RETURN QUERY
  WITH gone AS (
    DELETE FROM chancy.signals s
     WHERE s.job_id = ANY (ARRAY(
             SELECT i.id FROM unnest(drop_signals_1.ids) AS i(id)
              WHERE (SELECT true FROM chancy.jobs j WHERE j.id = i.id) IS NULL))
    RETURNING s.job_id, s.name, s.taken_at
  )
  SELECT g.job_id::text, g.name, count(*)::int FROM gone g WHERE g.taken_at IS NULL AND g.name <> '' GROUP BY g.job_id, g.name;
END $body$;
