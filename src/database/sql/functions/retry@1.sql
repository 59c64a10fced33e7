-- Makes a failed or cancelled job wait again. The history row comes back with its fence, so that an earlier
-- attempt stays refused. A job whose time has not come waits for it again, as after its push.
CREATE OR REPLACE FUNCTION chancy.retry_1(job uuid, notifying boolean)
RETURNS TABLE (verdict text, queue text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  job_queue text;
  is_early boolean;
  found_state text;
BEGIN
  PERFORM part.read_committed_only();
  WITH back AS (
    DELETE FROM chancy.finished_jobs f
     WHERE f.id = job AND f.state IN ('failed', 'cancelled')
    RETURNING part.moved_columns(f), f.retention, f.progress, f.errors, f.meta
  ), placed AS (
    SELECT part.moved_columns(b), b.retention, b.progress, b.errors, b.meta,
           CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= chancy.clock_1()
                THEN nextval('chancy.positions') END AS position
      FROM back b
  )
  INSERT INTO chancy.jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts,
         concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
         max_attempts, retention, progress, errors, meta, state, run_at, seq, position)
  SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts,
         p.concurrency_max, p.format, p.queue, p.name, p.args, p.unique_key, p.concurrency_key,
         p.limits, p.backoff,
         CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END,
         p.retention, p.progress, p.errors, p.meta,
         'pending', CASE WHEN p.position IS NULL THEN p.scheduled_at ELSE chancy.clock_1() END,
         p.position, p.position
    FROM placed p
  RETURNING queue, position IS NULL INTO job_queue, is_early;
  IF FOUND THEN
    IF notifying AND part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy',
                        CASE WHEN is_early THEN 'job.scheduled ' ELSE 'queue.pushed ' END || job_queue);
    END IF;
    RETURN QUERY SELECT CASE WHEN is_early THEN 'scheduled' ELSE 'retried' END, job_queue;
    RETURN;
  END IF;
  SELECT j.state INTO found_state FROM chancy.jobs j WHERE j.id = job;
  IF found_state IS NULL THEN
    SELECT f.state INTO found_state FROM chancy.finished_jobs f WHERE f.id = job;
  END IF;
  RETURN QUERY SELECT coalesce(found_state, 'unknown'), NULL::text;
END $body$;
