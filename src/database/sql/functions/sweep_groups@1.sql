-- Removes rows of groups without a job. Locked first, examined in a later statement: a claim that comes between
-- finds its group missing and begins again.
CREATE OR REPLACE FUNCTION chancy.sweep_groups_1(after_key text, max_keys int)
RETURNS TABLE (removed int, last_key text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  keys text[];
  count_removed int;
BEGIN
  PERFORM part.read_committed_only();
  keys := ARRAY(
    SELECT g.key
      FROM chancy.concurrency_groups g
     WHERE g.key > coalesce(after_key, '')
     ORDER BY g.key
     LIMIT max_keys
       FOR UPDATE SKIP LOCKED);
  DELETE FROM chancy.concurrency_groups g
   WHERE g.key = ANY (keys)
     AND (SELECT true FROM chancy.jobs j
           WHERE j.claim_seq IS NOT NULL AND j.concurrency_key = g.key LIMIT 1) IS NULL
     AND (SELECT true FROM chancy.jobs j
           WHERE j.blocked AND j.concurrency_key = g.key LIMIT 1) IS NULL
     AND (SELECT true FROM chancy.jobs j
           WHERE j.position IS NOT NULL AND j.claim_seq IS NULL
             AND j.concurrency_key = g.key LIMIT 1) IS NULL;
  GET DIAGNOSTICS count_removed = ROW_COUNT;
  RETURN QUERY SELECT count_removed,
                      CASE WHEN cardinality(keys) = max_keys THEN keys[cardinality(keys)] END;
END $body$;
