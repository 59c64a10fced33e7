-- Wakes the jobs of signals that were sent by the transactions of callers, or while another transaction held the job,
-- oldest first. Returns a row for each job that became ready, with its queue, and for each signal that was dropped, since
-- its job has ended; in the last row how many jobs were found.
CREATE OR REPLACE FUNCTION chancy.wake_signaled_1(max_jobs int)
RETURNS TABLE (job text, queue text, name text, dropped int, found int)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  wanted uuid[];
BEGIN
  SELECT array_agg(DISTINCT u.job_id)
    INTO wanted
    FROM (SELECT s.job_id FROM chancy.signals s WHERE s.untold ORDER BY s.id LIMIT max_jobs) u;
  IF wanted IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT w.id, w.queue, NULL::text, 0, 0 FROM chancy.wake_1(wanted, false) w WHERE w.verdict = 'woken';
  RETURN QUERY
  SELECT d.job, NULL::text, d.name, d.dropped, 0 FROM chancy.drop_signals_1(wanted) d;
  RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, 0, cardinality(wanted);
END $body$;
