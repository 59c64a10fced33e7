-- finish_2 that keeps the fingerprint of a failure, which its error carries. A job that succeeds has none.
-- Saves the outcomes of attempts, under their fences. One row of `ids`, `fences` and `states` is one attempt; the
-- other arrays may be null when no row needs them, and `states` when every attempt succeeded. `ended` are claims
-- of this worker whose jobs have all ended. It returns only the rows that were not saved as asked:
--
-- - 'cancelled': saved, but as cancelled, because of a request to cancel;
-- - 'lost': the row belongs to another attempt by now, or is gone; nothing was written;
-- - 'ready': blocked jobs of `queue` became ready; there is no id;
-- - 'again': the row changed between two statements; ask again;
-- - 'left', 'scheduled', 'freed', 'asked', 'ended', 'finished': what the ends of jobs with an owner led to, as flow has
--   it, with what it calls owner as the id and its name as the queue.
--
-- `owned` are the jobs that have an owner, null when none has: a batch without them pays nothing. An element of `parks`
-- is an object for a durable job that does not end: `waits`, what it waits for without a slot, or `args`, those of its
-- next run. Its attempt is not counted, and with it no crash.
--
-- A row that is found saved already, by this worker under this fence, counts as saved: the answer to the first
-- try was lost. The last row has nothing but `saved_ms`: when it was, by the database's clock.
CREATE OR REPLACE FUNCTION chancy.finish_2(
  worker uuid, ctids tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[],
  delays_ms float8[], given_back int[], crashed int[], fronts boolean[],
  walls_ms float8[], cpus_ms float8[], peaks float8[], extras_texts text[], since_ms float8, keys text[],
  ended bigint[], owned uuid[] DEFAULT NULL, parks text[] DEFAULT NULL)
RETURNS TABLE (id text, verdict text, queue text, saved_ms float8)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  tids tid[];
  ends text[];
  copied int;
  deleted int;
  moved int := 0;
  kept int := 0;
  cancels uuid[];
  cancelled uuid[];
  own_id xid8;
  waiting_ids uuid[];
  end_owners uuid[];
  end_steps int[];
  end_states text[];
  end_results jsonb[];
  end_errors jsonb[];
BEGIN
  PERFORM part.read_committed_only();
  -- Rows are first looked up where the claim left them, and those that have moved since (a progress
  -- was saved, a cancel requested) by their ids. They are copied first and deleted then, without a
  -- lock in between: rows with that many columns are expensive to carry through RETURNING. When a row
  -- changes between the two, the counts differ, and the whole batch is done again.
  IF finish_2.states IS NULL AND finish_2.errors IS NULL AND finish_2.extras_texts IS NULL THEN
    -- The common case, without a question that costs every row. What it leaves is found below.
    INSERT INTO chancy.finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           result, wall_ms, cpu_ms, peak_bytes)
    SELECT part.moved_columns(j), at, part.kept_retention(j), j.progress, j.errors, j.meta,
           part.owned_columns(j), 'succeeded',
           d.result::jsonb, d.wall_ms, d.cpu_ms, d.peak_bytes
      FROM unnest(finish_2.ctids, finish_2.ids, finish_2.fences, finish_2.results,
                  finish_2.walls_ms, finish_2.cpus_ms, finish_2.peaks)
        AS d(tid, id, fence, result, wall_ms, cpu_ms, peak_bytes)
      JOIN chancy.jobs j ON j.ctid = d.tid
     WHERE part.is_ours() AND j.cancel_requested_at IS NULL;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF finish_2.fences = array_fill(finish_2.fences[1], ARRAY[moved]) THEN
      -- Each ctid has been seen to hold its job, and goes to no other row during this call: the
      -- snapshot of the call keeps what was there. So the fence, one for all, is what is left to check.
      DELETE FROM chancy.jobs j
       WHERE j.ctid = ANY (finish_2.ctids) AND j.fence = finish_2.fences[1]
         AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
    ELSE
      DELETE FROM chancy.jobs j
       USING unnest(finish_2.ctids, finish_2.ids, finish_2.fences) AS d(tid, id, fence)
       WHERE j.ctid = d.tid AND part.is_ours() AND j.cancel_requested_at IS NULL;
    END IF;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted <> moved THEN
      RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
    END IF;
  END IF;

  tids := finish_2.ctids;
  FOR round IN 1 .. 2 LOOP
    EXIT WHEN moved = cardinality(finish_2.ids);
    ends := coalesce(finish_2.states, array_fill('succeeded'::text, ARRAY[cardinality(finish_2.ids)]));
    INSERT INTO chancy.finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           result, wall_ms, cpu_ms, peak_bytes, fingerprint)
    SELECT part.moved_columns(j), at,
           CASE WHEN d.extras IS NULL OR j.retention IS NOT NULL THEN part.kept_retention(j)
                ELSE make_interval(secs => (d.extras::jsonb ->> 'retention_ms')::float8 / 1000) END,
           CASE WHEN d.extras IS NULL OR NOT d.extras::jsonb ? 'progress' THEN j.progress
                ELSE d.extras::jsonb -> 'progress' END,
           CASE WHEN j.cancel_requested_at IS NOT NULL
                THEN chancy.with_error_1(j.errors, CASE
                       WHEN d.error::jsonb ->> 'kind' = 'cancelled' THEN d.error::jsonb
                       ELSE chancy.cancelled_entry_1(j.attempts) END, at)
                WHEN d.error IS NULL THEN j.errors
                ELSE chancy.with_error_1(j.errors, d.error::jsonb, at) END,
           CASE WHEN d.extras IS NULL OR NOT d.extras::jsonb ? 'meta' THEN j.meta
                ELSE d.extras::jsonb -> 'meta' END,
           part.owned_columns(j),
           CASE WHEN j.cancel_requested_at IS NULL THEN d.state ELSE 'cancelled' END,
           CASE WHEN j.cancel_requested_at IS NULL THEN d.result::jsonb END,
           d.wall_ms, d.cpu_ms, d.peak_bytes,
           CASE WHEN d.state = 'failed' AND j.cancel_requested_at IS NULL
                THEN part.fingerprint_of(d.error) END
      FROM unnest(tids, finish_2.ids, finish_2.fences, ends, finish_2.results,
                  finish_2.errors, finish_2.walls_ms, finish_2.cpus_ms, finish_2.peaks,
                  finish_2.extras_texts)
        AS d(tid, id, fence, state, result, error, wall_ms, cpu_ms, peak_bytes, extras)
      JOIN chancy.jobs j ON j.ctid = d.tid
     WHERE part.is_ours()
       AND (d.state IN ('succeeded', 'failed', 'cancelled') OR j.cancel_requested_at IS NOT NULL);
    GET DIAGNOSTICS copied = ROW_COUNT;

    WITH gone AS (
      DELETE FROM chancy.jobs j
       USING (
              -- By ctid, as the common case has it: a batch that is sent again may meet its first
              -- try, which still waits for a row.
              SELECT u.*
                FROM unnest(tids, finish_2.ids, finish_2.fences, ends)
                  AS u(tid, id, fence, state)
               ORDER BY u.tid) d
       WHERE j.ctid = d.tid AND part.is_ours()
         AND (d.state IN ('succeeded', 'failed', 'cancelled')
              OR j.cancel_requested_at IS NOT NULL)
      RETURNING CASE WHEN j.cancel_requested_at IS NOT NULL THEN j.id END AS cancel_id
    )
    SELECT count(*), array_agg(gone.cancel_id) FILTER (WHERE gone.cancel_id IS NOT NULL)
      INTO deleted, cancels
      FROM gone;
    IF deleted <> copied OR cancels IS NOT NULL AND cardinality(cancels) <> (
         SELECT count(*) FROM chancy.finished_jobs f
          WHERE f.id = ANY (cancels) AND f.finished_at = at AND f.state = 'cancelled') THEN
      RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
    END IF;
    moved := moved + copied;
    cancelled := cancelled || cancels;
    EXIT WHEN moved = cardinality(finish_2.ids) OR round = 2;
    tids := ARRAY(
      SELECT h.tid
        FROM unnest(finish_2.ids) AS d(id)
        LEFT JOIN LATERAL (
               SELECT j.ctid AS tid FROM chancy.jobs j WHERE j.id = d.id OFFSET 0) h ON true);
  END LOOP;

  IF moved < cardinality(finish_2.ids) THEN
    -- Before a position is drawn: see ENGINE.md, Watermarks.
    own_id := pg_current_xact_id();
    UPDATE chancy.jobs j
       SET state = d.state, claim_seq = NULL,
           position = CASE WHEN d.front THEN nextval('chancy.requeue_positions')
                            WHEN coalesce(d.delay_ms, 0) <= 0 THEN nextval('chancy.positions') END,
           run_at = CASE WHEN d.front THEN j.run_at
                         WHEN d.delay_ms > 0 THEN at + make_interval(secs => d.delay_ms / 1000)
                         ELSE at END,
           attempts = j.attempts - coalesce(d.given_back, 0),
           crashes = j.crashes + coalesce(d.crashed, 0),
           errors = chancy.with_error_1(j.errors, d.error::jsonb, at),
           fingerprint = CASE WHEN d.error IS NULL THEN j.fingerprint ELSE part.fingerprint_of(d.error) END,
           progress = CASE WHEN d.extras::jsonb ? 'progress' THEN d.extras::jsonb -> 'progress'
                           ELSE j.progress END,
           meta = CASE WHEN d.extras::jsonb ? 'meta' THEN d.extras::jsonb -> 'meta' ELSE j.meta END
      FROM (
             SELECT u.*
               FROM unnest(tids, finish_2.ids, finish_2.fences, ends, finish_2.errors,
                           finish_2.delays_ms, finish_2.given_back, finish_2.crashed,
                           finish_2.fronts, finish_2.extras_texts, finish_2.parks)
                 AS u(tid, id, fence, state, error, delay_ms, given_back, crashed, front, extras, park)
              ORDER BY u.tid) d
     WHERE j.ctid = d.tid AND part.is_ours()
       AND d.state IN ('pending', 'retrying') AND d.park IS NULL
       -- A cancel that came since the first statement: the next try moves the row.
       AND j.cancel_requested_at IS NULL;
    GET DIAGNOSTICS kept = ROW_COUNT;
    IF finish_2.parks IS NOT NULL THEN
      PERFORM part.park_jobs(finish_2);
    END IF;
  END IF;

  IF moved + kept < cardinality(finish_2.ids) THEN
    RETURN QUERY
    SELECT d.id::text, v.verdict, NULL::text, NULL::float8
      FROM unnest(finish_2.ids, finish_2.fences) AS d(id, fence),
           LATERAL (
             SELECT CASE
                      WHEN EXISTS (
                        SELECT 1 FROM chancy.jobs j
                         WHERE j.id = d.id AND j.fence = d.fence AND j.worker_id = worker)
                      THEN (SELECT CASE WHEN j.state = 'running' THEN 'again' ELSE 'saved' END
                              FROM chancy.jobs j WHERE j.id = d.id)
                      -- A bound on the time prunes the partitions that cannot hold it.
                      WHEN EXISTS (
                        SELECT 1 FROM chancy.finished_jobs f
                         WHERE f.id = d.id AND f.fence = d.fence AND f.worker_id = worker
                           AND f.finished_at >= to_timestamp(since_ms / 1000))
                      THEN 'saved'
                      ELSE 'lost'
                    END AS verdict) v
     WHERE v.verdict <> 'saved';
  END IF;

  IF ended IS NOT NULL THEN
    DELETE FROM chancy.claims c WHERE c.worker_id = worker AND c.claim_seq = ANY (ended);
  END IF;
  -- Only checked where a wait is registered.
  IF EXISTS (SELECT 1 FROM chancy.waiters w) AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM chancy.waiters w
      WHERE w.job_id = ANY (finish_2.ids);
  END IF;
  IF owned IS NOT NULL THEN
    PERFORM part.tell_owners(finish_2.owned);
    RETURN QUERY
    SELECT f.owner::text, f.verdict, f.name, NULL::float8
      FROM chancy.flow_1(end_owners, false, end_owners, end_steps, end_states, end_results, end_errors) f;
  END IF;
  IF keys IS NOT NULL THEN
    -- After the jobs and the claims: see ENGINE.md, Lock order.
    PERFORM chancy.lock_groups_1(keys);
    RETURN QUERY SELECT NULL::text, 'ready', r.queue, NULL::float8 FROM chancy.ready_1(keys) r;
  END IF;
  RETURN QUERY SELECT c::text, 'cancelled', NULL::text, NULL::float8 FROM unnest(cancelled) AS c;
  RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, extract(epoch FROM at)::float8 * 1000;
END $body$;
