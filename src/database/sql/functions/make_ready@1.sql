-- Makes jobs of these groups ready, after a waiting job was removed in an earlier transaction.
CREATE OR REPLACE FUNCTION chancy.make_ready_1(keys text[]) RETURNS TABLE (queue text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  PERFORM part.read_committed_only();
  PERFORM chancy.lock_groups_1(keys);
  RETURN QUERY SELECT r.queue FROM chancy.ready_1(keys) r;
END $body$;
