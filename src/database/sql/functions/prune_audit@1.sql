-- Removes rows of the audit log that are older than kept_ms, and never younger ones than 30 days: a role that may call
-- it cannot remove what it has just done. Returns how many.
CREATE OR REPLACE FUNCTION chancy.prune_audit_1(kept_ms float8, max_rows int)
RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  removed int;
BEGIN
  DELETE FROM chancy.audit a
   WHERE a.id = ANY (ARRAY(
           SELECT o.id
             FROM chancy.audit o
            WHERE o.at < chancy.clock_1() - greatest(make_interval(secs => kept_ms / 1000), interval '30 days')
            ORDER BY o.at
            LIMIT max_rows
              FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $body$;
