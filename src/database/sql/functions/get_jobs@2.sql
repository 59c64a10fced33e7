-- Jobs by their ids, from both tables in one statement: between two lookups a job that moves would be missed. A
-- function, since a plan that was made while the tables were small reads all of them for as long as its
-- connection lives.
CREATE OR REPLACE FUNCTION chancy.get_jobs_2(ids uuid[])
RETURNS TABLE (
  id text, queue text, name text, args text, state text, priority int, attempts int,
  max_attempts int, created_ms float8, scheduled_ms float8, started_ms float8, unique_key text,
  concurrency_key text, limits text, errors text, progress text, meta text, worker_id text,
  finished_ms float8, result text, wall_ms float8, cpu_ms float8, peak_bytes float8, durable text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT part.waiting_columns(j),
         part.shown_values(j, CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END)
    FROM chancy.jobs j
   WHERE j.id = ANY (ids)
  UNION ALL
  SELECT part.finished_columns(j), part.shown_values(j, NULL::jsonb)
    FROM chancy.finished_jobs j
   WHERE j.id = ANY (ids);
END $body$;
