-- Whether ctx.transaction of this name is recorded, asked at the beginning of the caller's own transaction: 'recorded',
-- 'new', 'lost' (another attempt has the job), or 'absent' (this schema has no such job).
CREATE OR REPLACE FUNCTION chancy.recorded_step_1(job uuid, of_fence bigint, worker uuid, name text)
RETURNS TABLE (state text, n int, result text, ended_ms float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  base int;
  is_held boolean;
BEGIN
  SELECT coalesce((j.extras ->> 'base')::int, 0), j.fence = of_fence AND j.worker_id = worker AND j.state = 'running'
    INTO base, is_held
    FROM chancy.jobs j
   WHERE j.id = recorded_step_1.job;
  IF is_held IS NOT TRUE THEN
    RETURN QUERY
    SELECT CASE WHEN is_held IS NOT NULL
                     OR (SELECT true FROM chancy.finished_jobs f WHERE f.id = recorded_step_1.job LIMIT 1)
                THEN 'lost' ELSE 'absent' END, NULL::int, NULL::text, NULL::float8;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT 'recorded', s.n - base, s.result::text, extract(epoch FROM s.ended_at)::float8 * 1000
    FROM chancy.job_steps s
   WHERE s.job_id = recorded_step_1.job AND s.n > base AND s.kind = 'transaction'
     AND s.name = recorded_step_1.name
   ORDER BY s.n DESC
   LIMIT 1;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'new', NULL::int, NULL::text, NULL::float8;
  END IF;
END $body$;
