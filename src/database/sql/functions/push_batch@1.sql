-- Pushes jobs of a batch, whose extras name it, as push_1 does, and counts them: those whose unique key was free. With
-- `again` an earlier try may have been committed. Raises CH005 where the batch takes no jobs any more; the message is
-- its state, cancelled for one that is being stopped, or unknown.
--
-- The batch is locked first, so that its end comes before or after this push, and the tries of a push come one after the
-- other. A finish passes over a batch that is locked; a transaction of a caller has made the batch itself.
CREATE OR REPLACE FUNCTION chancy.push_batch_1(
  batch uuid, ids uuid[], queues text[], names text[], args text[], priorities int[], max_attempts int[],
  scheduled_ms float8[], delays_ms float8[], unique_keys text[], extras_texts text[],
  again boolean, lock_ms int, payloads text[])
RETURNS TABLE (pushed text, holder text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  found_batch record;
  made int := cardinality(ids);
  one record;
BEGIN
  IF again THEN
    PERFORM part.read_committed_only();
  END IF;
  SELECT w.state, w.stopping, w.finished_at INTO found_batch
    FROM chancy.workflows w
   WHERE w.id = batch AND w.kind = 'batch'
     FOR NO KEY UPDATE;
  IF again AND (SELECT true
                  FROM unnest(ids) AS i(id)
                 WHERE (SELECT true FROM chancy.jobs j WHERE j.id = i.id)
                    OR (SELECT true FROM chancy.finished_jobs f WHERE f.id = i.id LIMIT 1)
                 LIMIT 1) THEN
    -- A try is committed as a whole, so this one was.
    IF unique_keys IS NOT NULL THEN
      RETURN QUERY
      SELECT m.id::text,
             coalesce((SELECT j.id FROM chancy.jobs j WHERE j.id = m.id),
                      (SELECT f.id FROM chancy.finished_jobs f WHERE f.id = m.id LIMIT 1),
                      (SELECT j.id FROM chancy.jobs j WHERE j.unique_key = m.unique_key),
                      m.id)::text
        FROM unnest(ids, unique_keys) AS m(id, unique_key);
    END IF;
    RETURN;
  END IF;
  IF found_batch.state IS NULL OR found_batch.stopping IS NOT NULL OR found_batch.finished_at IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'CH005',
      MESSAGE = CASE WHEN found_batch.state IS NULL THEN 'unknown'
                     WHEN found_batch.finished_at IS NULL THEN 'cancelled' ELSE found_batch.state END;
  END IF;
  FOR one IN
    SELECT p.pushed, p.holder
      FROM chancy.push_1(ids, queues, names, args, priorities, push_batch_1.max_attempts, scheduled_ms, delays_ms,
                         unique_keys, extras_texts, false, lock_ms, payloads) p
  LOOP
    made := made - 1;
    pushed := one.pushed;
    holder := one.holder;
    RETURN NEXT;
  END LOOP;
  UPDATE chancy.workflows w SET open = w.open + made, size = w.size + made WHERE w.id = batch;
END $body$;
