-- Pushes a durable job under a new id that has everything which another one, waiting, running or finished, has recorded
-- before a step. Its fence is 1, so that its first claim reads the records. Without `args_text` it gets those of the
-- other. Returns 'forked', 'unknown', or 'no step' (nothing of that name is recorded).
CREATE OR REPLACE FUNCTION chancy.fork_1(job uuid, new_id uuid, before text, args_text text, notifying boolean)
RETURNS TABLE (verdict text, queue text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  of_queue text;
  from_base int;
  end_n int;
BEGIN
  SELECT k.queue, coalesce((k.extras ->> 'base')::int, 0)
    INTO of_queue, from_base
    FROM (SELECT j.queue, j.extras FROM chancy.jobs j WHERE j.id = fork_1.job
          UNION ALL
          SELECT f.queue, f.extras FROM chancy.finished_jobs f WHERE f.id = fork_1.job) k
   LIMIT 1;
  IF of_queue IS NULL THEN
    RETURN QUERY SELECT 'unknown', NULL::text;
    RETURN;
  END IF;
  end_n := (SELECT min(s.n) FROM chancy.job_steps s
             WHERE s.job_id = fork_1.job AND s.n > from_base AND s.name = fork_1.before);
  IF end_n IS NULL THEN
    RETURN QUERY SELECT 'no step', of_queue;
    RETURN;
  END IF;
  -- The first try of a call whose answer was lost has made it.
  IF (SELECT true FROM chancy.jobs j WHERE j.id = new_id) OR
     (SELECT true FROM chancy.finished_jobs f WHERE f.id = new_id LIMIT 1) THEN
    RETURN QUERY SELECT 'forked', of_queue;
    RETURN;
  END IF;
  INSERT INTO chancy.jobs (
         id, fence, priority, max_attempts, concurrency_max, format, queue, name, args, concurrency_key,
         retention, limits, backoff, meta, seq, position, extras)
  SELECT new_id, 1, k.priority, k.max_attempts, k.concurrency_max, k.format, k.queue, k.name,
         coalesce(args_text::jsonb, k.args), k.concurrency_key, k.retention, k.limits, k.backoff, k.meta, p.position, p.position,
         coalesce(k.extras, '{}') - ARRAY['open', 'base', 'run', 'deadline_ms']
         || jsonb_build_object('seed', coalesce(k.extras ->> 'seed', fork_1.job || ':' || coalesce(k.extras ->> 'run', '1')))
    FROM (SELECT j.priority, j.max_attempts, j.concurrency_max, j.format, j.queue, j.name, j.args, j.concurrency_key,
                 j.retention, j.limits, j.backoff, j.meta, j.extras
            FROM chancy.jobs j WHERE j.id = fork_1.job
          UNION ALL
          SELECT f.priority, f.max_attempts, f.concurrency_max, f.format, f.queue, f.name, f.args, f.concurrency_key,
                 f.retention, f.limits, f.backoff, f.meta, f.extras
            FROM chancy.finished_jobs f WHERE f.id = fork_1.job) k
   CROSS JOIN (SELECT nextval('chancy.positions') AS position) p
   LIMIT 1;
  INSERT INTO chancy.job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
  SELECT new_id, s.n - from_base, s.kind, s.name, s.result, s.error, s.started_at, s.ended_at
    FROM chancy.job_steps s
   WHERE s.job_id = fork_1.job AND s.n > from_base AND s.n < end_n;
  INSERT INTO chancy.job_values (job_id, key, value)
  SELECT new_id, v.key, v.value FROM chancy.job_values v WHERE v.job_id = fork_1.job;
  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || of_queue);
  END IF;
  RETURN QUERY SELECT 'forked', of_queue;
END $body$;
