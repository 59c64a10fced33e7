-- Puts a failed or cancelled job back to waiting, as retry of the library, and returns 'retried', 'scheduled' (its time
-- has not come), 'unknown', or the state of a job that is neither failed nor cancelled, which stays as it is. Part of
-- the public interface: its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.retry(id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  RETURN (SELECT r.verdict FROM chancy.retry_1(retry.id, true) r);
EXCEPTION
  WHEN unique_violation THEN
    RAISE EXCEPTION 'The job % cannot go back to waiting: another job that waits or runs has its unique key', retry.id
      USING ERRCODE = '23505', HINT = 'Wait for that job, or cancel it.';
END $body$;
