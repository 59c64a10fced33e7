-- The ids of the jobs of a worker that have a request to cancel, with commas.
CREATE OR REPLACE FUNCTION chancy.cancelling_1(worker uuid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  RETURN (
    SELECT string_agg(j.id::text, ',')
      FROM chancy.jobs j
     WHERE j.cancel_requested_at IS NOT NULL AND j.worker_id = worker);
END $body$;
