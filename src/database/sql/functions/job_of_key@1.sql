-- The job that waits or runs with a unique key.
CREATE OR REPLACE FUNCTION chancy.job_of_key_1(key text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT j.id FROM chancy.jobs j WHERE j.unique_key = job_of_key_1.key
$body$;
