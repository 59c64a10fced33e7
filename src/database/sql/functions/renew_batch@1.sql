-- Renews the lease of a batch whose jobs are still being pushed. Returns whether it is open.
CREATE OR REPLACE FUNCTION chancy.renew_batch_1(batch uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
  WITH renewed AS (
    UPDATE chancy.workflows w
       SET pushed_until = chancy.clock_1() + interval '5 minutes'
     WHERE w.id = batch AND w.pushed_until IS NOT NULL AND w.stopping IS NULL
    RETURNING 1
  )
  SELECT EXISTS (SELECT 1 FROM renewed)
$body$;
