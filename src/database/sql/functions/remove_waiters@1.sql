-- Removes one registration of each job: another process may wait for the same one, and end its wait now; without
-- SKIP LOCKED both would take the same row away.
CREATE OR REPLACE FUNCTION chancy.remove_waiters_1(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  DELETE FROM chancy.waiters
   WHERE ctid = ANY (ARRAY(
           SELECT own.tid
             FROM unnest(ids) AS g(id),
                  LATERAL (
                    SELECT w.ctid AS tid
                      FROM chancy.waiters w
                     WHERE w.job_id = g.id
                     LIMIT 1
                       FOR UPDATE SKIP LOCKED) own));
END $body$;
