-- Ends a batch whose last job has ended and pushes the callbacks that fit, in the transaction of that end. The caller
-- holds its lock. One that was cancelled as a whole has neither succeeded nor failed. Returns 'batch' with its state as
-- the name, and the queues in which callbacks are ready.
CREATE OR REPLACE FUNCTION chancy.end_batch_1(batch uuid, at timestamptz)
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  w chancy.workflows;
  ended_as text;
  callbacks jsonb;
BEGIN
  SELECT b.* INTO w FROM chancy.workflows b WHERE b.id = batch;
  ended_as := CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                   WHEN w.stopping IS NOT NULL OR w.bad + w.cancelled > 0 THEN 'failed'
                   ELSE 'succeeded' END;
  UPDATE chancy.workflows b
     SET state = ended_as, finished_at = at,
         failure = CASE WHEN ended_as = 'succeeded' THEN NULL
                        WHEN w.stopping = 'deadline'
                        THEN '{"step": null, "kind": "deadline", "message": "The deadline of the batch passed."}'
                        WHEN ended_as = 'failed' THEN coalesce(w.failure, jsonb_build_object(
                          'step', NULL, 'kind', CASE WHEN w.bad = 0 THEN 'cancelled' ELSE 'error' END, 'message',
                          format('Of %s jobs %s failed and %s were cancelled.', w.size, w.bad, w.cancelled))) END,
         expires_at = at + least(coalesce(w.retention, interval '7 days'), interval '3650 days')
   WHERE b.id = batch;
  SELECT jsonb_agg(c.value || jsonb_build_object('args', jsonb_build_object('batch', jsonb_build_object(
           'id', w.id, 'name', w.name, 'total', w.size, 'succeeded', w.size - w.bad - w.cancelled,
           'failed', w.bad, 'cancelled', w.cancelled))) ORDER BY c.key DESC)
    INTO callbacks
    FROM jsonb_each(w.extras -> 'callbacks') c
   WHERE c.key = 'ended' OR c.key = ended_as;
  IF callbacks IS NOT NULL THEN
    PERFORM chancy.push_stored_1(callbacks);
    RETURN QUERY SELECT DISTINCT 'ready', NULL::uuid, c ->> 'queue' FROM jsonb_array_elements(callbacks) c;
  END IF;
  RETURN QUERY SELECT 'batch', batch, ended_as;
END $body$;
