-- Locks the groups that exist, in one order. For what ends running jobs: their groups cannot be missing.
CREATE OR REPLACE FUNCTION chancy.lock_groups_1(keys text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  PERFORM g.key
     FROM chancy.concurrency_groups g
    WHERE g.key = ANY (keys)
    ORDER BY g.key
      FOR NO KEY UPDATE;
END $body$;
