-- Holds a job that has not finished as it is until the end of the transaction.
CREATE OR REPLACE FUNCTION chancy.lock_job_1(job uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  PERFORM 1 FROM chancy.jobs j WHERE j.id = job FOR NO KEY UPDATE;
END $body$;
