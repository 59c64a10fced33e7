-- Ends what waits of a batch that is being stopped, a thousand jobs at most, and asks what runs to stop. The caller holds
-- its lock. A job that another transaction holds is passed over. No more jobs come. Returns rows as flow does.
CREATE OR REPLACE FUNCTION chancy.stop_batch_1(batch uuid, at timestamptz)
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  why jsonb;
  held uuid[];
  running uuid[];
  gone uuid[];
BEGIN
  UPDATE chancy.workflows w SET open = w.open - 1, pushed_until = NULL WHERE w.id = batch AND w.pushed_until IS NOT NULL;
  SELECT jsonb_build_object('kind', CASE w.stopping WHEN 'deadline' THEN 'deadline' ELSE 'cancelled' END, 'message',
           CASE w.stopping WHEN 'deadline' THEN 'The deadline of its batch has passed.'
                           WHEN 'failure' THEN 'The push of its batch failed.'
                           ELSE 'Its batch was cancelled.' END)
    INTO why
    FROM chancy.workflows w
   WHERE w.id = batch;
  -- FOR UPDATE is what a delete takes: a claim that has found one of them passes over it.
  WITH found AS MATERIALIZED (
    SELECT j.id, j.state
      FROM chancy.jobs j
     WHERE j.owner_id = batch AND j.owner_step IS NULL AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
     ORDER BY j.id
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
  )
  SELECT array_agg(f.id) FILTER (WHERE f.state <> 'running'), array_agg(f.id) FILTER (WHERE f.state = 'running')
    INTO held, running
    FROM found f;
  IF held IS NOT NULL THEN
    WITH taken AS (
      DELETE FROM chancy.jobs j
       WHERE j.id = ANY (held) AND j.state <> 'running'
      RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta, part.owned_columns(j)
    ), ended AS (
      INSERT INTO chancy.finished_jobs (
             id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
             concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
             backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
      SELECT part.moved_columns(t), at, part.kept_retention(t), t.progress,
             chancy.with_error_1(t.errors, chancy.cancelled_entry_1(t.attempts) || why, at),
             t.meta, part.owned_columns(t), 'cancelled'
        FROM taken t
      RETURNING finished_jobs.id
    )
    SELECT array_agg(e.id) INTO gone FROM ended e;
    UPDATE chancy.workflows w
       SET open = w.open - cardinality(gone), cancelled = w.cancelled + cardinality(gone)
     WHERE w.id = batch;
    PERFORM chancy.stop_children_1(gone);
    RETURN QUERY SELECT 'ended', g.id, 'cancelled'::text FROM unnest(gone) AS g(id);
    RETURN QUERY
    SELECT DISTINCT 'freed', NULL::uuid, f.concurrency_key
      FROM chancy.finished_jobs f
     WHERE f.id = ANY (gone) AND f.finished_at = at AND f.concurrency_key IS NOT NULL;
    IF (SELECT true FROM chancy.waiters LIMIT 1) AND part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
         FROM chancy.waiters w
        WHERE w.job_id = ANY (gone);
    END IF;
  END IF;
  IF running IS NOT NULL THEN
    IF part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
    END IF;
    RETURN QUERY
    UPDATE chancy.jobs j
       SET cancel_requested_at = at
     WHERE j.id = ANY (running) AND j.state = 'running'
    RETURNING 'asked', j.id, NULL::text;
  END IF;
  -- A later statement: what was locked a moment ago may have run, ended, or gone back to its queue.
  RETURN QUERY
  SELECT 'left', batch, NULL::text
   WHERE (SELECT true
            FROM chancy.jobs j
           WHERE j.owner_id = batch AND j.owner_step IS NULL AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
           LIMIT 1);
END $body$;
