-- Ends what is open of a workflow that is being stopped, `room` steps at most. The caller holds its lock. Steps whose
-- turn has not come end here, and so do jobs that are ready or wait for another attempt; running ones are asked. A job
-- that another transaction holds is passed over. Returns the steps that ended (the verdict is their state), keys of
-- concurrency groups that may have a slot ('freed'), running jobs that were asked ('asked'), and 'left' when it has to
-- be called again.
CREATE OR REPLACE FUNCTION chancy.stop_flow_1(flow uuid, room int)
RETURNS TABLE (verdict text, n int, job_id uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  why jsonb;
  waiting int[];
  held uuid[];
  running uuid[];
BEGIN
  SELECT jsonb_build_object('kind', CASE w.stopping WHEN 'deadline' THEN 'deadline' ELSE 'cancelled' END, 'message',
           CASE w.stopping WHEN 'deadline' THEN 'The deadline of its workflow has passed.'
                           WHEN 'failure' THEN 'Another step of its workflow failed.'
                           ELSE 'Its workflow was cancelled.' END)
    INTO why
    FROM chancy.workflows w
   WHERE w.id = flow;
  waiting := ARRAY(
    SELECT s.n FROM chancy.steps s WHERE s.owner_id = flow AND s.state = 'waiting' ORDER BY s.n LIMIT room);
  IF cardinality(waiting) > 0 THEN
    RETURN QUERY
    SELECT e.state, e.n, e.job_id, NULL::text
      FROM chancy.end_unrun_1(array_fill(flow, ARRAY[cardinality(waiting)]), waiting,
                              array_fill('cancelled'::text, ARRAY[cardinality(waiting)]),
                              array_fill(why, ARRAY[cardinality(waiting)]), at) e;
    room := room - cardinality(waiting);
  END IF;
  IF room <= 0 THEN
    RETURN QUERY SELECT 'left', NULL::int, NULL::uuid, NULL::text;
    RETURN;
  END IF;

  -- Items that are not there yet are not made any more.
  WITH never AS (
    DELETE FROM chancy.step_ends e
     WHERE e.owner_id = flow AND e.state = 'map'
    RETURNING e.n, e."from"
  )
  UPDATE chancy.steps s
     SET pending = s.pending - ((s.spec ->> 'items')::int - never."from"), bad = s.bad + 1,
         spec = s.spec || jsonb_build_object('made', never."from")
    FROM never
   WHERE s.owner_id = flow AND s.n = never.n;

  -- FOR UPDATE is what a delete takes: a claim that has found one of them passes over it.
  WITH mine AS MATERIALIZED (
    SELECT s.job_id
      FROM chancy.steps s
     WHERE s.owner_id = flow AND s.state = 'open' AND s.job_id IS NOT NULL
     ORDER BY s.n
  ), found AS MATERIALIZED (
    SELECT j.id, j.state
      FROM mine m
     CROSS JOIN LATERAL (
             SELECT k.id, k.state FROM chancy.jobs k
              WHERE k.id = m.job_id AND (k.state <> 'running' OR k.cancel_requested_at IS NULL)
                FOR UPDATE SKIP LOCKED) j
     LIMIT room
  )
  SELECT array_agg(f.id) FILTER (WHERE f.state <> 'running'), array_agg(f.id) FILTER (WHERE f.state = 'running')
    INTO held, running
    FROM found f;
  IF held IS NOT NULL THEN
    RETURN QUERY
    WITH gone AS (
      DELETE FROM chancy.jobs j
       WHERE j.id = ANY (held) AND j.state <> 'running'
      RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta, part.owned_columns(j)
    ), ended AS (
      INSERT INTO chancy.finished_jobs (
             id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
             concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
             backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
      SELECT part.moved_columns(g), at, part.kept_retention(g), g.progress,
             chancy.with_error_1(g.errors, chancy.cancelled_entry_1(g.attempts) || why, at),
             g.meta, part.owned_columns(g), 'cancelled'
        FROM gone g
      RETURNING finished_jobs.id, finished_jobs.concurrency_key
    )
    SELECT DISTINCT 'freed', NULL::int, NULL::uuid, e.concurrency_key FROM ended e WHERE e.concurrency_key IS NOT NULL;
    RETURN QUERY
    UPDATE chancy.steps s
       SET state = 'cancelled', error = why, ended_at = at, spec = part.kept_job(s)
     WHERE s.owner_id = flow AND s.state = 'open' AND s.job_id = ANY (held)
    RETURNING 'cancelled', s.n, s.job_id, NULL::text;
  END IF;
  IF running IS NOT NULL THEN
    IF part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
    END IF;
    RETURN QUERY
    UPDATE chancy.jobs j
       SET cancel_requested_at = at
     WHERE j.id = ANY (running) AND j.state = 'running'
    RETURNING 'asked', NULL::int, j.id, NULL::text;
  END IF;
  -- A later statement: what was locked a moment ago may have run, ended, or gone back to its queue.
  IF (SELECT true
        FROM chancy.steps s
       CROSS JOIN LATERAL (
               SELECT k.state, k.cancel_requested_at FROM chancy.jobs k WHERE k.id = s.job_id OFFSET 0) j
       WHERE s.owner_id = flow AND s.state = 'open' AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
       LIMIT 1) THEN
    RETURN QUERY SELECT 'left', NULL::int, NULL::uuid, NULL::text;
  END IF;
END $body$;
