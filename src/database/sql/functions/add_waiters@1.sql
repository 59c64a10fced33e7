-- Registers a wait for each of these jobs, so that its finish sends a notification. A wait stays for a day at
-- most: a process that died leaves it behind.
CREATE OR REPLACE FUNCTION chancy.add_waiters_1(ids uuid[], for_ms float8) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  INSERT INTO chancy.waiters (job_id, until)
  SELECT w.id, chancy.now_1() + make_interval(secs => least(for_ms, 86400000) / 1000)
    FROM unnest(ids) AS w(id);
END $body$;
