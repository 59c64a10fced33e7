-- What a claim did not bring along of a job, for the attempt that holds it.
CREATE OR REPLACE FUNCTION chancy.load_1(job uuid, of_fence bigint)
RETURNS TABLE (args text, extras text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT chancy.text_1(j.args, 4194304, 8388608), part.extra_columns(j, 4194304, 8388608)
    FROM chancy.jobs j
   WHERE j.id = job AND j.fence = of_fence AND j.state = 'running';
END $body$;
