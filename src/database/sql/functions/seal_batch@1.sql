-- Says that no more jobs of a batch come from its push: it ends with its last job. With `why`, an object of kind and
-- message, it fails instead, and what waits of it is cancelled, a thousand jobs a call. Called again it changes nothing
-- that is done. `is_own`: the transaction of a caller has made the batch. Returns rows as flow does.
CREATE OR REPLACE FUNCTION chancy.seal_batch_1(batch uuid, why jsonb, is_own boolean)
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  IF NOT is_own THEN
    PERFORM part.read_committed_only();
  END IF;
  PERFORM 1
     FROM chancy.workflows w
    WHERE w.id = batch AND w.finished_at IS NULL
      AND (w.pushed_until IS NOT NULL OR why IS NOT NULL AND w.stopping IS NOT NULL)
      FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE chancy.workflows w
     SET open = w.open - (w.pushed_until IS NOT NULL)::int, pushed_until = NULL,
         stopping = CASE WHEN why IS NULL THEN w.stopping ELSE coalesce(w.stopping, 'failure') END,
         failure = coalesce(w.failure, why || '{"step": null}')
   WHERE w.id = batch;
  RETURN QUERY SELECT f.* FROM chancy.count_batch_1(ARRAY[batch], NULL) f;
END $body$;
