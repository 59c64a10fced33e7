-- The states of workflows by their ids.
CREATE OR REPLACE FUNCTION chancy.flow_states_1(ids uuid[]) RETURNS TABLE (id uuid, state text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.id, w.state FROM chancy.workflows w WHERE w.id = ANY (ids) AND w.kind <> 'children';
END $body$;
