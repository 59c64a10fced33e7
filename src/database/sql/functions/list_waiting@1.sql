-- A page of durable jobs that wait for a signal, the newest ids first; `after` is the last id of the previous page. It
-- reads the suspended jobs alone, by their index.
CREATE OR REPLACE FUNCTION chancy.list_waiting_1(of_signal text, of_queue text, of_name text, after uuid, size int)
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
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  of_state text;
BEGIN
  RETURN QUERY
  SELECT part.waiting_columns(j), part.shown_values(j, j.extras -> 'open')
    FROM chancy.jobs j
   WHERE j.waits IS NOT NULL AND j.waits = 'wait' AND part.is_on_page(j)
     AND (SELECT true FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
           WHERE w.wait -> 'signals' ? of_signal LIMIT 1)
   ORDER BY j.id DESC
   LIMIT size;
END $body$;
