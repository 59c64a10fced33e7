-- Cancels a workflow or a batch: nothing of it starts any more, waiting steps end here, running ones are asked. Returns
-- 'cancelled' (it has ended), 'requested' (some run, or are left), 'finished' (too late) or 'unknown'. With `is_left`
-- it is to be called again, in another transaction: one changes a thousand steps at most. `asked` are running jobs,
-- `freed` groups that lost a waiting job: make_ready, in a transaction of its own.
CREATE OR REPLACE FUNCTION chancy.cancel_flow_1(
  flow uuid, OUT verdict text, OUT is_left boolean, OUT is_batch boolean, OUT asked text[], OUT freed text[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_variable
DECLARE
  found_flow record;
  one record;
BEGIN
  PERFORM part.read_committed_only();
  is_left := false;
  is_batch := false;
  SELECT w.finished_at, w.stopping, w.kind INTO found_flow
    FROM chancy.workflows w
   WHERE w.id = flow AND w.kind <> 'children'
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
    RETURN;
  ELSIF found_flow.finished_at IS NOT NULL THEN
    verdict := 'finished';
    RETURN;
  END IF;
  IF found_flow.stopping IS DISTINCT FROM 'cancelled' THEN
    UPDATE chancy.workflows w SET stopping = 'cancelled' WHERE w.id = flow;
  END IF;
  verdict := 'requested';
  is_batch := found_flow.kind = 'batch';
  FOR one IN
    SELECT f.* FROM chancy.flow_held_1(ARRAY[flow], ARRAY[flow], NULL) f WHERE found_flow.kind <> 'batch'
    UNION ALL
    SELECT f.* FROM chancy.count_batch_1(ARRAY[flow], NULL) f WHERE found_flow.kind = 'batch'
  LOOP
    IF one.verdict IN ('finished', 'batch') THEN
      verdict := 'cancelled';
    ELSIF one.verdict = 'left' THEN
      is_left := is_left OR one.owner = flow;
    ELSIF one.verdict = 'asked' THEN
      asked := asked || one.owner::text;
    ELSIF one.verdict = 'freed' THEN
      freed := freed || one.name;
    END IF;
  END LOOP;
  is_left := is_left AND verdict = 'requested';
END $body$;
