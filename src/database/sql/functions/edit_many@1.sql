-- Changes many waiting jobs in one transaction: `change` has a queue, a priority or runNow, which edit_1 knows as well. What
-- another transaction holds is passed over, and so is what runs, is suspended, has finished, or would stay as it is: they
-- are not in the answer. A job whose place in the line changes gets its next one when it comes due again.
CREATE OR REPLACE FUNCTION chancy.edit_many_1(jobs uuid[], change jsonb, notifying boolean)
RETURNS TABLE (id text, queue text, concurrency_key text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  edited uuid[];
BEGIN
  PERFORM part.read_committed_only();
  WITH held AS MATERIALIZED (
    SELECT j.ctid AS tid
      FROM chancy.jobs j
     WHERE j.id = ANY (edit_many_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
       AND (j.queue <> change ->> 'queue'
            OR j.priority <> (change ->> 'priority')::int
            OR (change ? 'runNow' AND NOT part.has_place(j) AND j.run_at > at))
       FOR NO KEY UPDATE SKIP LOCKED
  ), moved AS (
    UPDATE chancy.jobs j
       SET queue = coalesce(change ->> 'queue', j.queue),
           priority = coalesce((change ->> 'priority')::int, j.priority),
           scheduled_at = CASE WHEN change ? 'runNow' THEN least(j.scheduled_at, at) ELSE j.scheduled_at END,
           run_at = CASE WHEN change ? 'runNow' OR part.has_place(j) THEN at ELSE j.run_at END,
           position = NULL,
           blocked = false,
           parked = false
      FROM held h
     WHERE j.ctid = h.tid
    RETURNING j.id
  )
  SELECT array_agg(m.id) INTO edited FROM moved m;

  RETURN QUERY
  SELECT j.id::text, j.queue, j.concurrency_key::text FROM chancy.jobs j WHERE j.id = ANY (edited);
  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || n.queue)
       FROM (SELECT DISTINCT j.queue FROM chancy.jobs j WHERE j.id = ANY (edited)) n;
  END IF;
END $body$;
