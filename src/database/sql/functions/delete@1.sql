-- Removes one finished job from the history. Returns 'deleted', the state of one that has not finished, or 'unknown'.
CREATE OR REPLACE FUNCTION chancy.delete_1(job uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  found_state text;
BEGIN
  DELETE FROM chancy.finished_jobs f WHERE f.id = job;
  IF FOUND THEN
    RETURN 'deleted';
  END IF;
  SELECT j.state INTO found_state FROM chancy.jobs j WHERE j.id = job;
  RETURN coalesce(found_state, 'unknown');
END $body$;
