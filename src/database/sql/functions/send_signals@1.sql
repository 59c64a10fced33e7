-- Sends signals to durable jobs that wait or run, in their order, and makes the jobs ready that wait for them. Returns
-- a row for each signal: 'sent', 'finished' (the job has ended), 'unknown', or 'full' (10,000 are unread). `left`:
-- another transaction held the job, which is to be woken after it. `woken`: the queue of a job that is ready now.
-- `keys` tells a signal that is sent again, since its first answer was lost, from a second one.
--
-- The insert comes first, since it may wait for a transaction that uses the same key, and such a wait must hold no job.
-- Then the job is locked, and looked at in a later statement; one that is being suspended does the same, so one of the
-- two sees the other.
CREATE OR REPLACE FUNCTION chancy.send_signals_1(
  ids uuid[], names text[], contents text[], keys text[], patient boolean, notifying boolean)
RETURNS TABLE (n int, verdict text, "left" boolean, runs boolean, woken text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.clock_1();
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  jobs uuid[] := ARRAY(SELECT DISTINCT i.id FROM unnest(send_signals_1.ids) AS i(id));
  living uuid[];
  held uuid[];
  full_jobs uuid[];
  ready_ids uuid[];
  made bigint[];
BEGIN
  PERFORM part.read_committed_only();
  living := ARRAY(
    SELECT i.id FROM unnest(jobs) AS i(id)
     WHERE (SELECT true FROM chancy.jobs j WHERE j.id = i.id));
  WITH put AS (
    INSERT INTO chancy.signals (job_id, name, value, key, sent_at)
    SELECT d.id, d.name, d.content::jsonb, d.key, at
      FROM unnest(send_signals_1.ids, send_signals_1.names, contents, send_signals_1.keys) WITH ORDINALITY
        AS d(id, name, content, key, n)
     WHERE d.id = ANY (living)
     ORDER BY d.n
        ON CONFLICT DO NOTHING
    RETURNING id
  )
  SELECT array_agg(p.id) INTO made FROM put p;
  IF patient THEN
    held := ARRAY(SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (living) ORDER BY j.id FOR NO KEY UPDATE);
  ELSE
    held := ARRAY(
      SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (living) ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  -- Those that ended since, and those that others hold.
  living := ARRAY(
    SELECT i.id FROM unnest(living) AS i(id)
     WHERE i.id = ANY (held) OR (SELECT true FROM chancy.jobs j WHERE j.id = i.id));
  full_jobs := ARRAY(
    SELECT h.id
      FROM unnest(held) AS h(id)
     WHERE (SELECT count(*)
              FROM (SELECT 1 FROM chancy.signals s WHERE s.job_id = h.id AND s.taken_at IS NULL LIMIT 10001) c) > 10000);
  IF cardinality(full_jobs) > 0 OR cardinality(living) < cardinality(jobs) THEN
    DELETE FROM chancy.signals s
     WHERE s.id = ANY (made) AND (s.job_id = ANY (full_jobs) OR s.job_id <> ALL (living));
  END IF;
  IF cardinality(held) < cardinality(living) THEN
    UPDATE chancy.signals s SET untold = true WHERE s.id = ANY (made) AND s.job_id <> ALL (held);
  END IF;
  WITH ready AS (
    UPDATE chancy.jobs j
       SET waits = NULL, position = nextval('chancy.positions'), run_at = at
     WHERE j.id = ANY (held) AND j.waits = 'wait' AND part.wait_has_ended(j)
    RETURNING j.id
  )
  SELECT array_agg(r.id) INTO ready_ids FROM ready r;
  -- A claim passes over a job that is locked here, and finds it when it is notified after the commit.
  ready_ids := ready_ids || ARRAY(
    SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (held) AND j.state <> 'running' AND j.position IS NOT NULL);
  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.signaled ' || j.id::text)
       FROM chancy.jobs j
      WHERE j.id = ANY (living) AND j.state = 'running';
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q.queue)
       FROM (SELECT DISTINCT j.queue FROM chancy.jobs j WHERE j.id = ANY (ready_ids)) q;
  END IF;
  RETURN QUERY
  SELECT d.n::int,
         CASE WHEN d.id = ANY (full_jobs) THEN 'full'
              WHEN d.id = ANY (living) THEN 'sent'
              WHEN (SELECT true FROM chancy.finished_jobs f WHERE f.id = d.id LIMIT 1) THEN 'finished'
              ELSE 'unknown' END,
         d.id = ANY (living) AND d.id <> ALL (held),
         coalesce(j.state = 'running', false),
         CASE WHEN d.id = ANY (ready_ids) THEN j.queue END
    FROM unnest(send_signals_1.ids) WITH ORDINALITY AS d(id, n)
    LEFT JOIN LATERAL (
           SELECT k.id, k.state, k.queue FROM chancy.jobs k WHERE k.id = d.id OFFSET 0) j ON true
   ORDER BY d.n;
END $body$;
