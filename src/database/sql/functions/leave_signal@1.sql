-- Sends a signal by the commit of the caller's transaction, which waits for no job and locks none: the row says that
-- its job was not woken. The notification that goes with the commit, or the sweep, wakes it.
CREATE OR REPLACE FUNCTION chancy.leave_signal_1(job uuid, name text, content jsonb, key text, notifying boolean)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  IF (SELECT true FROM chancy.jobs j WHERE j.id = leave_signal_1.job) IS NULL THEN
    RETURN CASE WHEN (SELECT true FROM chancy.finished_jobs f WHERE f.id = leave_signal_1.job LIMIT 1)
                THEN 'finished' ELSE 'unknown' END;
  END IF;
  IF (SELECT count(*)
        FROM (SELECT 1 FROM chancy.signals s
               WHERE s.job_id = leave_signal_1.job AND s.taken_at IS NULL LIMIT 10000) c) >= 10000 THEN
    RETURN 'full';
  END IF;
  INSERT INTO chancy.signals (job_id, name, value, key, sent_at, untold)
  VALUES (leave_signal_1.job, leave_signal_1.name, content, leave_signal_1.key, chancy.clock_1(), true)
      ON CONFLICT DO NOTHING;
  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'signal.left ' || leave_signal_1.job::text);
  END IF;
  RETURN 'sent';
END $body$;
