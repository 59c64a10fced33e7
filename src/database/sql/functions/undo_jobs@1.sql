-- Puts jobs back as they were before a bulk action changed them, where nothing has changed them since. What another
-- transaction holds is passed over, or waited for; so is a job with a unique key, which another job may have by now, when
-- it would have to wait again. Returns those that are as before, each with where it is now: 'ended' with its state, or
-- 'waiting'.
CREATE OR REPLACE FUNCTION chancy.undo_jobs_1(bulk uuid, jobs uuid[], waiting boolean, notifying boolean)
RETURNS TABLE (id text, became text, queue text, concurrency_key text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  of_action text;
  change jsonb;
  held uuid[];
  letters jsonb;
BEGIN
  PERFORM part.read_committed_only();
  SELECT b.action, b.change INTO of_action, change FROM chancy.bulk_actions b WHERE b.id = undo_jobs_1.bulk;

  IF of_action = 'cancel' THEN
    IF waiting THEN
      PERFORM 1 FROM chancy.finished_jobs f WHERE f.id = ANY (undo_jobs_1.jobs) ORDER BY f.id FOR UPDATE;
    END IF;
    SELECT array_agg(h.id)
      INTO held
      FROM (SELECT f.id
              FROM chancy.finished_jobs f
              JOIN chancy.bulk_items i ON i.job_id = f.id AND i.bulk_id = undo_jobs_1.bulk
             WHERE f.id = ANY (undo_jobs_1.jobs) AND f.state = 'cancelled' AND (waiting OR f.unique_key IS NULL)
               AND f.fence = (i.before ->> 'fence')::bigint
               AND f.finished_at = (i.before ->> 'left_at')::timestamptz
               FOR UPDATE OF f SKIP LOCKED) h;
    IF held IS NULL THEN
      RETURN;
    END IF;
    -- A transaction that draws a position has an id by then.
    PERFORM pg_current_xact_id();
    WITH back AS (
      DELETE FROM chancy.finished_jobs f WHERE f.id = ANY (held)
      RETURNING part.moved_columns(f), f.retention, f.progress, f.errors, f.meta, f.extras
    ), sorted AS MATERIALIZED (
      SELECT b.*, i.before AS was, coalesce((i.before ->> 'run_at')::timestamptz > at, false) AS is_early
        FROM back b
        JOIN chancy.bulk_items i ON i.job_id = b.id AND i.bulk_id = undo_jobs_1.bulk
       ORDER BY b.id
    ), placed AS (
      SELECT part.moved_columns(s), s.retention, s.progress, s.errors, s.meta, s.extras, s.was,
             CASE WHEN NOT s.is_early THEN nextval('chancy.positions') END AS position
        FROM sorted s
    )
    INSERT INTO chancy.jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, retention, progress, errors, meta, extras, state, run_at, seq, position, fingerprint)
    SELECT part.moved_columns(p), p.retention, p.progress,
           -- Without the entry of the cancel.
           nullif(p.errors - -1, '[]'), p.meta, p.extras, p.was ->> 'state',
           CASE WHEN p.position IS NULL THEN (p.was ->> 'run_at')::timestamptz ELSE at END,
           p.position, p.position, (p.was ->> 'fingerprint')::bigint
      FROM placed p;

  ELSIF of_action = 'retry' THEN
    IF waiting THEN
      PERFORM 1 FROM chancy.jobs j
        WHERE j.id = ANY (undo_jobs_1.jobs) AND j.owner_id IS NULL ORDER BY j.id FOR UPDATE;
    END IF;
    SELECT array_agg(h.id), jsonb_object_agg(h.id, h.extras) FILTER (WHERE h.extras ? 'dead_letter')
      INTO held, letters
      FROM (SELECT j.id, j.extras
              FROM chancy.jobs j
              JOIN chancy.bulk_items i ON i.job_id = j.id AND i.bulk_id = undo_jobs_1.bulk
             WHERE j.id = ANY (undo_jobs_1.jobs) AND j.state = 'pending' AND j.waits IS NULL AND j.owner_id IS NULL
               AND j.fence = (i.before ->> 'fence')::bigint
               -- Retried again, it has another one.
               AND j.seq IS NOT DISTINCT FROM coalesce((i.before ->> 'left_seq')::bigint, j.seq)
               FOR UPDATE OF j SKIP LOCKED) h;
    IF held IS NULL THEN
      RETURN;
    END IF;
    WITH gone AS (
      DELETE FROM chancy.jobs j WHERE j.id = ANY (held)
      RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta, j.extras
    )
    INSERT INTO chancy.finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           retention, progress, errors, meta, extras, state, finished_at, fingerprint, wall_ms, cpu_ms, peak_bytes)
    SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
           (w.was ->> 'max_attempts')::int, g.concurrency_max, coalesce((w.was ->> 'crashes')::smallint, 0::smallint),
           g.format, g.queue, g.name, g.args, g.unique_key, g.concurrency_key, g.limits, g.backoff,
           part.kept_retention(g), g.progress, g.errors, g.meta,
           -- A failure that comes back is no new one: its dead letter was pushed, and the trigger sees none here.
           g.extras - 'dead_letter', w.was ->> 'state',
           -- Its day may have been dropped meanwhile.
           CASE WHEN to_regclass(format('%I.%I', 'chancy', 'finished_jobs_'
                                        || to_char(w.ended_at AT TIME ZONE 'UTC', 'YYYYMMDD'))) IS NULL
                THEN at ELSE w.ended_at END,
           (w.was ->> 'fingerprint')::bigint, (w.was ->> 'wall_ms')::float8, (w.was ->> 'cpu_ms')::float8,
           (w.was ->> 'peak_bytes')::float8
      FROM gone g
      JOIN (SELECT i.job_id, i.before AS was, (i.before ->> 'finished_at')::timestamptz AS ended_at
              FROM chancy.bulk_items i WHERE i.bulk_id = undo_jobs_1.bulk) w ON w.job_id = g.id;
    IF letters IS NOT NULL THEN
      UPDATE chancy.finished_jobs f
         SET extras = letters -> f.id::text
       WHERE f.id = ANY (held) AND letters ? f.id::text;
    END IF;
    IF notifying AND part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
         FROM chancy.waiters w WHERE w.job_id = ANY (held);
    END IF;
    RETURN QUERY
    SELECT f.id::text, f.state, f.queue, f.concurrency_key::text FROM chancy.finished_jobs f WHERE f.id = ANY (held);
    RETURN;

  ELSE
    IF waiting THEN
      PERFORM 1 FROM chancy.jobs j WHERE j.id = ANY (undo_jobs_1.jobs) ORDER BY j.id FOR NO KEY UPDATE;
    END IF;
    WITH fit AS MATERIALIZED (
      SELECT j.ctid AS tid, i.before AS was
        FROM chancy.jobs j
        JOIN chancy.bulk_items i ON i.job_id = j.id AND i.bulk_id = undo_jobs_1.bulk
       WHERE j.id = ANY (undo_jobs_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
         AND j.fence = (i.before ->> 'fence')::bigint
         AND CASE of_action WHEN 'move' THEN j.queue = change ->> 'queue'
                            WHEN 'reprioritise' THEN j.priority = (change ->> 'priority')::int
                            ELSE j.scheduled_at IS NOT DISTINCT FROM (i.before ->> 'left_at')::timestamptz END
         FOR NO KEY UPDATE OF j SKIP LOCKED
    ), moved AS (
      UPDATE chancy.jobs j
         SET queue = coalesce(h.was ->> 'queue', j.queue),
             priority = coalesce((h.was ->> 'priority')::int, j.priority),
             scheduled_at = CASE of_action WHEN 'run-now' THEN (h.was ->> 'scheduled_at')::timestamptz
                                           ELSE j.scheduled_at END,
             run_at = CASE WHEN of_action = 'run-now' THEN (h.was ->> 'run_at')::timestamptz
                           WHEN part.has_place(j) THEN at
                           ELSE j.run_at END,
             position = NULL,
             blocked = false,
             parked = false
        FROM fit h
       WHERE j.ctid = h.tid
      RETURNING j.id
    )
    SELECT array_agg(m.id) INTO held FROM moved m;
  END IF;

  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || n.queue)
       FROM (SELECT DISTINCT j.queue FROM chancy.jobs j WHERE j.id = ANY (held)) n;
  END IF;
  RETURN QUERY
  SELECT j.id::text, 'waiting', j.queue, j.concurrency_key::text FROM chancy.jobs j WHERE j.id = ANY (held);
END $body$;
