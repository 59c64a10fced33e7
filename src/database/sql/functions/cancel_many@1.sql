-- Cancels many jobs as cancel_1 does one, in one transaction. What another transaction holds is passed over: one that
-- holds jobs must not wait for others. Such a job, and one that has finished or is unknown, is not in the answer, and
-- the caller cancels it alone.
CREATE OR REPLACE FUNCTION chancy.cancel_many_1(jobs uuid[], notifying boolean)
RETURNS TABLE (id text, verdict text, concurrency_key text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  waiting uuid[];
  running uuid[];
BEGIN
  PERFORM part.read_committed_only();
  WITH held AS MATERIALIZED (
    SELECT j.id, j.state
      FROM chancy.jobs j
     WHERE j.id = ANY (cancel_many_1.jobs)
       FOR UPDATE SKIP LOCKED
  )
  SELECT array_agg(h.id) FILTER (WHERE h.state <> 'running'),
         array_agg(h.id) FILTER (WHERE h.state = 'running')
    INTO waiting, running
    FROM held h;

  RETURN QUERY
  WITH gone AS (
    DELETE FROM chancy.jobs j
     WHERE j.id = ANY (waiting) AND j.state <> 'running'
    RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta
  ), ended AS (
    INSERT INTO chancy.finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, state)
    SELECT part.moved_columns(g), at, part.kept_retention(g), g.progress,
           chancy.with_error_1(g.errors, chancy.cancelled_entry_1(g.attempts), at),
           g.meta, 'cancelled'
      FROM gone g
    RETURNING finished_jobs.id, finished_jobs.concurrency_key
  )
  SELECT e.id::text, 'cancelled', e.concurrency_key FROM ended e;

  RETURN QUERY
  UPDATE chancy.jobs j
     SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
   WHERE j.id = ANY (running) AND j.state = 'running'
  RETURNING j.id::text, 'requested', NULL::text;

  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM chancy.waiters w WHERE w.job_id = ANY (waiting);
    PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
  END IF;
END $body$;
