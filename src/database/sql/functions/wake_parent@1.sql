-- Wakes the durable job that waits for a workflow which has just ended, in the transaction that ended it. It holds that
-- workflow, so it takes the job only if it is free; otherwise it leaves a row that wake_signaled finds after the
-- commit of both. Returns the queue of a job that became ready.
CREATE OR REPLACE FUNCTION chancy.wake_parent_1(parent uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  woken record;
BEGIN
  SELECT w.verdict, w.queue INTO woken FROM chancy.wake_1(ARRAY[parent], false) w;
  IF woken.verdict = 'locked' THEN
    INSERT INTO chancy.signals (job_id, name, value, untold) VALUES (parent, '', 'null', true);
    IF part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy', 'signal.left ' || parent::text);
    END IF;
  ELSIF woken.verdict = 'runs' AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.signaled ' || parent::text);
  END IF;
  RETURN CASE WHEN woken.verdict = 'woken' THEN woken.queue END;
END $body$;
