-- Ends steps that have not begun: their suspended jobs go to the history. The caller holds the locks of the owners.
-- `states` are skipped, failed or cancelled; `errors` say why. Returns the steps that it ended, with their jobs.
CREATE OR REPLACE FUNCTION chancy.end_unrun_1(owners uuid[], ordinals int[], states text[], errors jsonb[], at timestamptz)
RETURNS TABLE (owner_id uuid, n int, state text, job_id uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  WITH gone AS (
    DELETE FROM chancy.jobs j
     USING (SELECT s.job_id, u.state, u.error
              FROM unnest(owners, ordinals, states, errors) AS u(owner_id, n, state, error)
              JOIN chancy.steps s ON s.owner_id = u.owner_id AND s.n = u.n AND s.state = 'waiting') d
     WHERE j.id = d.job_id AND j.waits = 'steps'
    RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta, part.owned_columns(j),
              d.state AS ended_as, d.error AS reason
  )
  INSERT INTO chancy.finished_jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
         concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
         backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
  SELECT part.moved_columns(g), at, part.kept_retention(g), g.progress,
         chancy.with_error_1(g.errors,
           jsonb_build_object('attempt', g.attempts, 'name', 'AttemptError', 'stack', NULL) || g.reason, at),
         g.meta, part.owned_columns(g), CASE g.ended_as WHEN 'failed' THEN 'failed' ELSE 'cancelled' END
    FROM gone g;
  RETURN QUERY
  UPDATE chancy.steps s
     SET state = u.state, error = u.error, ended_at = at, spec = part.kept_job(s)
    FROM unnest(owners, ordinals, states, errors) AS u(owner_id, n, state, error)
   WHERE s.owner_id = u.owner_id AND s.n = u.n AND s.state = 'waiting'
  RETURNING s.owner_id, s.n, s.state, s.job_id;
END $body$;
