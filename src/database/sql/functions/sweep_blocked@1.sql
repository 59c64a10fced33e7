-- Finds what a lost wake-up left behind: blocked jobs whose group has a free slot. At most `max_keys` keys after the
-- given one; the last row has no queue and says where to continue (null: from the beginning).
CREATE OR REPLACE FUNCTION chancy.sweep_blocked_1(after_key text, max_keys int)
RETURNS TABLE (queue text, last_key text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  keys text[];
  free text[];
BEGIN
  PERFORM part.read_committed_only();
  WITH RECURSIVE blocked AS (
    (SELECT b.concurrency_key AS key, 1 AS n FROM chancy.jobs b
      WHERE b.blocked AND b.concurrency_key > coalesce(after_key, '')
      ORDER BY b.concurrency_key LIMIT 1)
    UNION ALL
    SELECT (SELECT b.concurrency_key FROM chancy.jobs b
             WHERE b.blocked AND b.concurrency_key > blocked.key
             ORDER BY b.concurrency_key LIMIT 1), blocked.n + 1
      FROM blocked
     WHERE blocked.key IS NOT NULL AND blocked.n < max_keys
  )
  SELECT array_agg(b.key ORDER BY b.n) INTO keys FROM blocked b WHERE b.key IS NOT NULL;
  IF keys IS NULL THEN
    RETURN QUERY SELECT NULL::text, NULL::text;
    RETURN;
  END IF;
  -- A group that is locked is being handled. One without a row is made: its jobs are blocked, so no
  -- claim would make it.
  PERFORM part.make_missing_groups();
  free := ARRAY(
    SELECT g.key
      FROM chancy.concurrency_groups g
     WHERE g.key = ANY (keys)
     ORDER BY g.key
       FOR NO KEY UPDATE SKIP LOCKED);
  RETURN QUERY SELECT r.queue, NULL::text FROM chancy.ready_1(free) r;
  RETURN QUERY SELECT NULL::text,
                      CASE WHEN cardinality(keys) = max_keys THEN keys[cardinality(keys)] END;
END $body$;
