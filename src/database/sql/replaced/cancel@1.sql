-- Cancels one job. A waiting one ends here. Of a running one only the request is recorded: its slot stays
-- taken while its code runs, and its finish turns any outcome into 'cancelled'.
CREATE OR REPLACE FUNCTION chancy.cancel_1(job uuid, notifying boolean)
RETURNS TABLE (verdict text, queue text, worker text, concurrency_key text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  holder uuid;
  flow uuid;
  step int;
  is_held boolean := false;
  queues text[];
  job_queue text;
  freed text;
BEGIN
  PERFORM part.read_committed_only();
  -- A job may move between two statements; one of three rounds finds it.
  FOR i IN 1 .. 4 LOOP
    WITH gone AS (
      DELETE FROM chancy.jobs j
       WHERE j.id = job AND j.state <> 'running' AND (j.owner_id IS NULL OR is_held)
      RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta, part.owned_columns(j)
    )
    INSERT INTO chancy.finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
    SELECT part.moved_columns(g), at, part.kept_retention(g), g.progress,
           chancy.with_error_1(g.errors, chancy.cancelled_entry_1(g.attempts), at),
           g.meta, part.owned_columns(g), 'cancelled'
      FROM gone g
    RETURNING queue, concurrency_key, owner_id, owner_step INTO job_queue, freed, flow, step;
    IF FOUND THEN
      PERFORM chancy.stop_children_1(ARRAY[job]);
      IF flow IS NOT NULL THEN
        queues := ARRAY(
          SELECT DISTINCT f.name
            FROM chancy.flow_1(ARRAY[flow], true, ARRAY[flow], ARRAY[step],
                               ARRAY[CASE WHEN step IS NULL THEN 'counted' ELSE 'cancelled' END],
                               ARRAY[CASE WHEN step IS NULL THEN '{"cancelled": 1}'::jsonb END],
                               ARRAY[jsonb_build_object('kind', 'cancelled', 'message', 'The job was cancelled.')]) f
           WHERE f.verdict = 'ready');
      END IF;
      IF notifying AND part.notify_room() THEN
        PERFORM pg_notify('chancy_chancy', 'job.finished ' || job::text)
          FROM chancy.waiters w WHERE w.job_id = job;
        PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q) FROM unnest(queues) AS q;
      END IF;
      -- Its group is handled in a transaction of its own: a holder of a job must not wait for it.
      RETURN QUERY SELECT 'cancelled', job_queue, NULL::text, freed;
      RETURN;
    END IF;

    IF NOT is_held THEN
      -- Its workflow or batch is locked first, and the job in a later statement: see ENGINE.md, Lock order.
      SELECT j.owner_id INTO flow FROM chancy.jobs j WHERE j.id = job AND j.owner_id IS NOT NULL;
      IF flow IS NOT NULL THEN
        PERFORM 1 FROM chancy.workflows w WHERE w.id = flow FOR NO KEY UPDATE;
        is_held := true;
        CONTINUE;
      END IF;
    END IF;

    UPDATE chancy.jobs j
       SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
     WHERE j.id = job AND j.state = 'running'
    RETURNING j.worker_id, j.queue INTO holder, job_queue;
    IF FOUND THEN
      IF notifying AND part.notify_room() THEN
        PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || job::text);
      END IF;
      RETURN QUERY SELECT 'requested', job_queue, holder::text, NULL::text;
      RETURN;
    END IF;

    IF EXISTS (SELECT 1 FROM chancy.finished_jobs f WHERE f.id = job) THEN
      RETURN QUERY SELECT 'finished', NULL::text, NULL::text, NULL::text;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'unknown', NULL::text, NULL::text, NULL::text;
END $body$;
