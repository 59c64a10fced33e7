-- The states of jobs by their ids.
CREATE OR REPLACE FUNCTION chancy.get_states_1(ids uuid[]) RETURNS TABLE (id uuid, state text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT j.id, j.state FROM chancy.jobs j WHERE j.id = ANY (ids)
  UNION ALL
  SELECT j.id, j.state FROM chancy.finished_jobs j WHERE j.id = ANY (ids);
END $body$;
