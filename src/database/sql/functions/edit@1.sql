-- Changes a job that waits; what is not in `change` stays: args, meta, maxAttempts, queue, priority, scheduledMs (null:
-- it waits for no time), and runNow. A job whose place in the line changes comes due again, at its time or immediately,
-- and gets a place as any other that does, also in its group. Returns what became of it: 'edited' with its queue and, when
-- it may have left a place in a group, the key of that; else why not: 'running', 'suspended', the state in which it has
-- finished, or 'unknown'.
CREATE OR REPLACE FUNCTION chancy.edit_1(job uuid, change jsonb, notifying boolean)
RETURNS TABLE (verdict text, queue text, concurrency_key text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  held record;
  is_moved boolean;
  is_timed boolean;
BEGIN
  PERFORM part.read_committed_only();
  SELECT j.state, j.waits, j.run_at, j.scheduled_at, j.concurrency_key, j.queue,
         j.position IS NULL AND NOT j.blocked AND NOT j.parked AS waits_for_time
    INTO held
    FROM chancy.jobs j
   WHERE j.id = job
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY
    SELECT coalesce((SELECT f.state FROM chancy.finished_jobs f WHERE f.id = job LIMIT 1), 'unknown'), NULL::text, NULL::text;
    RETURN;
  END IF;
  IF held.state = 'running' OR held.waits IS NOT NULL THEN
    RETURN QUERY SELECT CASE WHEN held.state = 'running' THEN 'running' ELSE 'suspended' END, NULL::text, NULL::text;
    RETURN;
  END IF;
  is_timed := change ? 'scheduledMs' OR held.waits_for_time AND change ? 'runNow';
  is_moved := is_timed OR change ?| ARRAY['queue', 'priority'];
  UPDATE chancy.jobs j
     SET args = coalesce(change -> 'args', j.args),
         meta = CASE WHEN change ? 'meta' THEN nullif(change -> 'meta', '{}') ELSE j.meta END,
         max_attempts = coalesce((change ->> 'maxAttempts')::int, j.max_attempts),
         queue = coalesce(change ->> 'queue', j.queue),
         priority = coalesce((change ->> 'priority')::int, j.priority),
         scheduled_at = CASE WHEN change ? 'scheduledMs'
                               THEN to_timestamp((change ->> 'scheduledMs')::float8 / 1000)
                             WHEN is_timed THEN least(j.scheduled_at, at)
                             ELSE j.scheduled_at END,
         run_at = CASE WHEN NOT is_moved THEN j.run_at
                       WHEN is_timed THEN coalesce(to_timestamp((change ->> 'scheduledMs')::float8 / 1000), at)
                       WHEN held.waits_for_time THEN j.run_at
                       ELSE at END,
         position = CASE WHEN NOT is_moved THEN j.position END,
         blocked = j.blocked AND NOT is_moved,
         parked = j.parked AND NOT is_moved
   WHERE j.id = job;
  queue := coalesce(change ->> 'queue', held.queue);
  IF is_moved AND notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || queue);
  END IF;
  RETURN QUERY SELECT 'edited', queue, CASE WHEN is_moved AND NOT held.waits_for_time THEN held.concurrency_key::text END;
END $body$;
