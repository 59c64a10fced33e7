-- recover_1 that keeps the fingerprint of a failure.
-- Brings back the jobs of workers without a lease. Returns one row a job: what became of it.
CREATE OR REPLACE FUNCTION chancy.recover_2(max_jobs int, max_crashes int, spread_ms float8)
RETURNS TABLE (id text, queue text, name text, worker text, verdict text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  gone uuid[];
  spared uuid[];
  stuck uuid[];
  held tid[];
  keys text[];
  end_owners uuid[];
  end_steps int[];
  end_states text[];
  end_results jsonb[];
  end_errors jsonb[];
  at timestamptz := chancy.clock_1();
BEGIN
  PERFORM part.read_committed_only();
  -- The holders of claims, one index probe each, whatever the number of jobs.
  WITH RECURSIVE holders AS (
    (SELECT c.worker_id FROM chancy.claims c ORDER BY c.worker_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.worker_id FROM chancy.claims c
             WHERE c.worker_id > h.worker_id
             ORDER BY c.worker_id LIMIT 1)
      FROM holders h
     WHERE h.worker_id IS NOT NULL
  )
  SELECT array_agg(h.worker_id), array_agg(h.worker_id) FILTER (WHERE w.crash_exempt)
    INTO gone, spared
    FROM holders h
    LEFT JOIN chancy.workers w ON w.id = h.worker_id
   WHERE h.worker_id IS NOT NULL AND (w.id IS NULL OR w.revoked_at IS NOT NULL);
  IF gone IS NULL THEN
    RETURN;
  END IF;

  -- Locked in the order of ids; a finish that holds one of them is still in the right.
  stuck := ARRAY(
    SELECT s.id
      FROM (
        SELECT i.id
          FROM chancy.claims c
         CROSS JOIN LATERAL unnest(c.ids) AS i(id)
         WHERE c.worker_id = ANY (gone) AND part.still_runs()
         LIMIT max_jobs) s
     ORDER BY s.id);
  SELECT array_agg(DISTINCT j.concurrency_key)
    INTO keys
    FROM unnest(stuck) AS s(id)
   CROSS JOIN LATERAL (
           SELECT k.concurrency_key FROM chancy.jobs k WHERE k.id = s.id OFFSET 0) j
   WHERE j.concurrency_key IS NOT NULL;
  held := ARRAY(
    SELECT h.tid
      FROM unnest(stuck) AS s(id)
     CROSS JOIN LATERAL (
             SELECT j.ctid AS tid, j.state, j.worker_id
               FROM chancy.jobs j
              WHERE j.id = s.id
                FOR NO KEY UPDATE SKIP LOCKED) h
     WHERE h.state = 'running' AND h.worker_id = ANY (gone));

  RETURN QUERY
  WITH ended AS (
    DELETE FROM chancy.jobs j
     WHERE j.ctid = ANY (held)
       AND (j.cancel_requested_at IS NOT NULL
            OR (j.crashes + 1 >= max_crashes AND j.worker_id <> ALL (coalesce(spared, '{}'))))
    RETURNING part.moved_columns(j), j.retention, j.progress, j.errors, j.meta,
              part.owned_columns(j), j.cancel_requested_at
  ), put AS (
    INSERT INTO chancy.finished_jobs (
           id, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           fence, crashes, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           fingerprint)
    SELECT e.id, e.created_at, e.scheduled_at, e.started_at, e.worker_id, e.priority, e.attempts,
           e.max_attempts, e.concurrency_max, e.format, e.queue, e.name, e.args, e.unique_key,
           e.concurrency_key, e.limits, e.backoff,
           least(e.fence, 9007199254740990) + 1, least(e.crashes, max_crashes) + 1, at,
           part.kept_retention(e), e.progress,
           chancy.with_error_1(e.errors,
             CASE WHEN e.cancel_requested_at IS NOT NULL
                  THEN chancy.cancelled_entry_1(e.attempts)
                  ELSE jsonb_build_object('attempt', e.attempts, 'kind', 'crash',
                         'name', 'AttemptError', 'stack', NULL,
                         'fingerprint', part.lost_fingerprint(e.name),
                         'message', format('The worker of this job was lost %s times.',
                                           least(e.crashes, max_crashes) + 1)) END, at),
           e.meta, part.owned_columns(e),
           CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END,
           CASE WHEN e.cancel_requested_at IS NULL
                THEN ('x' || part.lost_fingerprint(e.name))::bit(64)::bigint END
      FROM ended e
    RETURNING id, queue, name, worker_id, state
  ), notified AS (
    SELECT pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
      FROM chancy.waiters w
     WHERE w.job_id IN (SELECT p.id FROM put p) AND part.notify_room()
  )
  SELECT p.id::text, p.queue, p.name, p.worker_id::text, p.state
    FROM put p
   WHERE (SELECT count(*) FROM notified) >= 0;

  RETURN QUERY
  UPDATE chancy.jobs j
     SET state = 'pending', fence = least(j.fence, 9007199254740990) + 1,
         attempts = greatest(j.attempts - 1, 0),
         crashes = least(j.crashes, max_crashes)
                   + CASE WHEN j.worker_id = ANY (coalesce(spared, '{}')) THEN 0 ELSE 1 END,
         claim_seq = NULL, position = NULL, run_at = at + make_interval(secs => random() * spread_ms / 1000)
   WHERE j.ctid = ANY (held)
  RETURNING j.id::text, j.queue, j.name::text, j.worker_id::text, 'recovered';
  -- What is still locked for a moment keeps its claim, for the next pass. A finish of that worker
  -- removes claims too, in an order of its own: if this waited for it, they would deadlock.
  DELETE FROM chancy.claims o
   WHERE o.ctid = ANY (ARRAY(
           SELECT c.ctid
             FROM chancy.claims c
            WHERE c.worker_id = ANY (gone)
              AND NOT EXISTS (SELECT 1 FROM unnest(c.ids) AS i(id) WHERE part.still_runs())
              FOR UPDATE SKIP LOCKED));
  -- An owner that another transaction holds is found by the sweep.
  PERFORM part.tell_owners(stuck);
  IF end_owners IS NOT NULL THEN
    RETURN QUERY
    SELECT NULL::text, f.name, NULL::text, NULL::text, 'ready'
      FROM chancy.flow_1(end_owners, false, end_owners, end_steps, end_states, end_results, end_errors) f
     WHERE f.verdict = 'ready';
  END IF;
  IF keys IS NOT NULL THEN
    -- After the jobs: see ENGINE.md, Lock order.
    PERFORM chancy.lock_groups_1(keys);
    RETURN QUERY SELECT NULL::text, r.queue, NULL::text, NULL::text, 'ready'
                   FROM chancy.ready_1(keys) r;
  END IF;
END $body$;
