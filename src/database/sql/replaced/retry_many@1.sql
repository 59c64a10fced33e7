-- retry_many_1 that keeps what few jobs carry, as retry_1 does.
-- Makes many failed or cancelled jobs wait again as retry_1 does one, in one transaction, in the order of their ids.
-- What another transaction holds is passed over, and so is a step, and a job with a unique key, of which another may wait or run:
-- they are not in the answer, and the caller retries each alone.
CREATE OR REPLACE FUNCTION chancy.retry_many_1(jobs uuid[], notifying boolean)
RETURNS TABLE (id text, queue text, is_scheduled boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  held uuid[];
BEGIN
  PERFORM part.read_committed_only();
  SELECT array_agg(h.id)
    INTO held
    FROM (SELECT f.id
            FROM chancy.finished_jobs f
           WHERE f.id = ANY (retry_many_1.jobs) AND f.state IN ('failed', 'cancelled')
             AND f.unique_key IS NULL AND f.owner_step IS NULL
             FOR UPDATE SKIP LOCKED) h;
  IF held IS NULL THEN
    RETURN;
  END IF;
  -- A transaction that draws a position has an id by then.
  PERFORM pg_current_xact_id();

  RETURN QUERY
  WITH back AS (
    DELETE FROM chancy.finished_jobs f
     WHERE f.id = ANY (held) AND f.state IN ('failed', 'cancelled')
    RETURNING part.moved_columns(f), f.retention, f.progress, f.errors, f.meta, f.extras
  ), sorted AS MATERIALIZED (
    SELECT b.* FROM back b ORDER BY b.id
  ), placed AS (
    SELECT part.moved_columns(b), b.retention, b.progress, b.errors, b.meta, b.extras,
           CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= at
                THEN nextval('chancy.positions') END AS position
      FROM sorted b
  ), waiting AS (
    INSERT INTO chancy.jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts,
           concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           max_attempts, retention, progress, errors, meta, extras, state, run_at, seq, position)
    SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts,
           p.concurrency_max, p.format, p.queue, p.name, p.args, p.unique_key, p.concurrency_key,
           p.limits, p.backoff,
           CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END,
           p.retention, p.progress, p.errors, p.meta, p.extras,
           'pending', CASE WHEN p.position IS NULL THEN p.scheduled_at ELSE at END,
           p.position, p.position
      FROM placed p
    RETURNING jobs.id, jobs.queue, jobs.position IS NULL AS is_early
  )
  SELECT w.id::text, w.queue, w.is_early FROM waiting w;

  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', n.event || ' ' || n.queue)
       FROM (SELECT DISTINCT CASE WHEN j.position IS NULL THEN 'job.scheduled' ELSE 'queue.pushed' END AS event,
                    j.queue
               FROM chancy.jobs j WHERE j.id = ANY (held)) n;
  END IF;
END $body$;
