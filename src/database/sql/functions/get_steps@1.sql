-- What the present run of a durable job has recorded, in the order in which results came.
CREATE OR REPLACE FUNCTION chancy.get_steps_1(job uuid)
RETURNS TABLE (n int, kind text, name text, result text, error text, started_ms float8, ended_ms float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.n - f.base, s.kind, s.name, s.result::text, s.error::text,
         extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000
    FROM (SELECT coalesce((k.extras ->> 'base')::int, 0) AS base
            FROM (SELECT j.extras FROM chancy.jobs j WHERE j.id = get_steps_1.job
                  UNION ALL
                  SELECT h.extras FROM chancy.finished_jobs h WHERE h.id = get_steps_1.job) k
           LIMIT 1) f
    JOIN chancy.job_steps s ON s.job_id = get_steps_1.job AND s.n > f.base
   ORDER BY s.n;
END $body$;
