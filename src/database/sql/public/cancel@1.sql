-- Cancels one job, as cancel of the library, and returns 'cancelled', 'requested' (it is running), 'finished' (too
-- late) or 'unknown'. What a cancelled job of a concurrency group leaves free is given to the next one by the sweep of
-- a worker, within a second or two: a transaction that holds a job must not wait for its group. Part of the public
-- interface: its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.cancel(id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  RETURN (SELECT c.verdict FROM chancy.cancel_1(cancel.id, true) c);
END $body$;
