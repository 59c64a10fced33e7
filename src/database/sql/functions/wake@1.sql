-- Makes suspended durable jobs ready for which something has come, and says what each of these jobs does: 'woken'
-- (it is ready), 'waits' (nothing has come), 'runs', 'gone', or 'locked', which is asked about again. Locks first and looks in a later
-- statement: what has come between the two looks of a job that is being suspended would be missed. With `patient`,
-- which is for one job, it waits for the lock.
CREATE OR REPLACE FUNCTION chancy.wake_1(ids uuid[], patient boolean)
RETURNS TABLE (id text, verdict text, queue text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz;
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  held uuid[];
  woken uuid[];
BEGIN
  PERFORM part.read_committed_only();
  IF patient THEN
    held := ARRAY(
      SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (wake_1.ids) ORDER BY j.id FOR NO KEY UPDATE);
  ELSE
    held := ARRAY(
      SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (wake_1.ids) ORDER BY j.id
         FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  at := chancy.clock_1();
  WITH ready AS (
    UPDATE chancy.jobs j
       SET waits = NULL, position = nextval('chancy.positions'), run_at = at
     WHERE j.id = ANY (held) AND j.waits = 'wait' AND part.wait_has_ended(j)
    RETURNING j.id
  )
  SELECT array_agg(r.id) INTO woken FROM ready r;
  -- A claim passes over a job that is locked here, and finds it when it is notified after the commit.
  woken := woken || ARRAY(
    SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (held) AND j.state <> 'running' AND j.position IS NOT NULL);
  IF woken <> '{}' AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q.queue)
       FROM (SELECT DISTINCT j.queue FROM chancy.jobs j WHERE j.id = ANY (woken)) q;
  END IF;
  UPDATE chancy.signals s
     SET untold = false
   WHERE s.job_id = ANY (held) AND s.untold;
  -- What wake_parent has left.
  DELETE FROM chancy.signals s WHERE s.job_id = ANY (held) AND s.name = '';
  RETURN QUERY
  SELECT i.id::text,
         CASE WHEN i.id = ANY (woken) THEN 'woken'
              WHEN j.id IS NULL THEN 'gone'
              WHEN i.id <> ALL (held) THEN 'locked'
              WHEN j.state = 'running' THEN 'runs'
              ELSE 'waits' END,
         j.queue
    FROM unnest(wake_1.ids) AS i(id)
    LEFT JOIN LATERAL (
           SELECT k.id, k.state, k.queue FROM chancy.jobs k WHERE k.id = i.id OFFSET 0) j ON true;
END $body$;
