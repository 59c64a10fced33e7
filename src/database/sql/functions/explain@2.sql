-- Why a job waits. It only reads, and what it reads is bounded by its arguments.
-- Of a step whose turn has not come `waits` is steps, `workflow` its owner, and `waits_for` the steps that have not
-- ended, by name: an array of step, job and state, the first 101. Of a suspended durable job `waits` is wait, and
-- `waits_for` the array of its open waits.
CREATE OR REPLACE FUNCTION chancy.explain_2(job uuid, bound int)
RETURNS TABLE (
  state text, queue text, name text, scheduled_ms float8, run_ms float8, blocked boolean,
  concurrency_key text, concurrency_max int, running int, holders text, ahead int,
  queue_state text, resume_ms float8, tags text, rate_max int, rate_per_ms float8,
  next_start_ms float8, workers text, now_ms float8, waits text, workflow text, waits_for text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
SET enable_sort = off
SET enable_incremental_sort = off
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  found_job record;
  found_queue record;
  head record;
  rate_per interval;
  next_start timestamptz;
  low bigint;
  is_held boolean := false;
  used int := 0;
  users jsonb := '[]';
  before int;
  open_steps jsonb;
BEGIN
  SELECT j.state, j.queue, j.name::text AS name, j.scheduled_at, j.run_at, j.blocked,
         j.concurrency_key::text AS concurrency_key,
         greatest(j.concurrency_max, 1) AS max, j.priority, j.seq, j.position, j.waits, j.owner_id, j.owner_step,
         CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END AS open
    INTO found_job
    FROM chancy.jobs j
   WHERE j.id = explain_2.job;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT q.state, q.resume_at, q.tags, q.rate_max, q.rate_per_ms
    INTO found_queue
    FROM chancy.queues q
   WHERE q.name = found_job.queue;

  -- Backwards from the job: of a long queue the nearest are read, and never the head, where dead
  -- tuples may pile up.
  SELECT count(*)::int
    INTO before
    FROM (
      (SELECT 1
         FROM chancy.jobs a
        WHERE a.queue = found_job.queue AND a.priority = found_job.priority
          AND a.position < found_job.position AND part.is_ready(a)
        ORDER BY a.position DESC
        LIMIT bound)
      UNION ALL
      (SELECT 1
         FROM chancy.jobs a
        WHERE a.queue = found_job.queue AND a.priority > found_job.priority
          AND part.is_ready(a)
        ORDER BY a.priority, a.position DESC
        LIMIT bound)
      LIMIT bound) counted;

  IF found_job.waits = 'steps' THEN
    SELECT coalesce(jsonb_agg(o.waiting), '[]')
      INTO open_steps
      FROM (
        SELECT jsonb_build_object(
                 'step', p.name, 'job', p.job_id,
                 'state', CASE WHEN p.state = 'waiting' THEN 'waiting'
                               WHEN p.job_id IS NULL THEN 'running' ELSE coalesce(j.state, 'pending') END) AS waiting
          FROM chancy.steps s
         CROSS JOIN LATERAL unnest(s.deps) AS d(n)
          JOIN chancy.steps p ON p.owner_id = s.owner_id AND p.n = d.n
          LEFT JOIN LATERAL (SELECT k.state FROM chancy.jobs k WHERE k.id = p.job_id OFFSET 0) j ON true
         WHERE s.owner_id = found_job.owner_id AND s.n = found_job.owner_step AND p.state IN ('waiting', 'open')
         ORDER BY p.name
         LIMIT 101) o;
  END IF;
  PERFORM part.next_start(found_job.queue);

  IF found_job.concurrency_key IS NOT NULL THEN
    SELECT max(g.scan_from)
      INTO low
      FROM chancy.concurrency_groups g
     WHERE g.key = found_job.concurrency_key;
    SELECT count(*)::int, coalesce(jsonb_agg(h.id) FILTER (WHERE h.n <= 1000), '[]')
      INTO used, users
      FROM (
        SELECT k.id, row_number() OVER () AS n
          FROM (
            SELECT r.id
              FROM chancy.jobs r
             WHERE r.concurrency_key = found_job.concurrency_key
               AND r.claim_seq >= coalesce(low, 0)
             ORDER BY r.claim_seq
             LIMIT greatest(found_job.max, 1000)) k) h;
    -- No job overtakes an older one of its group that is blocked.
    SELECT b.priority, b.seq
      INTO head
      FROM chancy.jobs b
     WHERE b.blocked AND b.concurrency_key = found_job.concurrency_key
       AND b.queue = found_job.queue
     ORDER BY b.priority DESC, b.seq
     LIMIT 1;
    is_held := coalesce(head.priority > found_job.priority
                        OR (head.priority = found_job.priority AND head.seq < found_job.seq), false);
  END IF;

  RETURN QUERY
  SELECT found_job.state, found_job.queue, found_job.name,
         date_part('epoch', found_job.scheduled_at) * 1000,
         date_part('epoch', found_job.run_at) * 1000,
         found_job.blocked OR is_held, found_job.concurrency_key, found_job.max, used,
         users::text, before, found_queue.state,
         date_part('epoch', found_queue.resume_at) * 1000, found_queue.tags::text,
         found_queue.rate_max, found_queue.rate_per_ms,
         date_part('epoch', next_start) * 1000,
         part.present_workers(), date_part('epoch', at) * 1000, found_job.waits,
         found_job.owner_id::text, coalesce(open_steps, found_job.open)::text;
END $body$;
