-- Runs steps of a workflow again, each with one more attempt: the failed and cancelled ones (`names` and `lone` null),
-- that one (`lone`), or those of these names with all that is behind them, also where they succeeded. What was skipped
-- for them is open again. Of a map that failed the items that failed run again; of one that is named, all. Returns:
--
-- - 'retried', with how many steps are open again and the queues that have jobs;
-- - 'again': there is more to count first than one transaction does; call it once more;
-- - 'stopping': it is being cancelled, and has not ended yet;
-- - 'batch': a batch has no steps;
-- - 'unknown'; 'unknown-step' or 'job-gone', with the name: the job of a step that succeeded is kept no longer;
-- - the state of the workflow, where there is nothing to retry.
CREATE OR REPLACE FUNCTION chancy.retry_flow_1(
  flow uuid, names text[], lone int, notifying boolean,
  OUT verdict text, OUT steps int, OUT detail text, OUT queues text[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_variable
DECLARE
  w chancy.workflows;
  chosen int[];
  reset int[];
  partial int[];
  items int[];
  touched int[];
  again int[];
  one record;
BEGIN
  PERFORM part.read_committed_only();
  steps := 0;
  SELECT f.* INTO w FROM chancy.workflows f WHERE f.id = flow AND f.kind = 'workflow' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := CASE WHEN (SELECT true FROM chancy.workflows b WHERE b.id = flow AND b.kind = 'batch')
                    THEN 'batch' ELSE 'unknown' END;
    RETURN;
  ELSIF w.stopping IS NOT NULL AND w.finished_at IS NULL THEN
    verdict := 'stopping';
    RETURN;
  END IF;
  -- Ends that are not counted yet would be taken for those of the next attempts.
  IF (SELECT true FROM chancy.step_ends e WHERE e.owner_id = flow LIMIT 1) THEN
    PERFORM 1 FROM chancy.flow_held_1(ARRAY[flow], NULL, NULL);
    IF (SELECT true FROM chancy.step_ends e WHERE e.owner_id = flow LIMIT 1) THEN
      verdict := 'again';
      RETURN;
    END IF;
    SELECT f.* INTO w FROM chancy.workflows f WHERE f.id = flow;
  END IF;

  IF names IS NOT NULL THEN
    SELECT k.name INTO detail
      FROM unnest(names) AS k(name)
     WHERE NOT EXISTS (SELECT 1 FROM chancy.steps s WHERE s.owner_id = flow AND s.name = k.name)
     LIMIT 1;
    IF FOUND THEN
      verdict := 'unknown-step';
      RETURN;
    END IF;
  END IF;
  chosen := ARRAY(
    SELECT CASE WHEN s.n = lone THEN coalesce(s.of_map, s.n) ELSE s.n END
      FROM chancy.steps s
     WHERE s.owner_id = flow
       AND CASE WHEN lone IS NOT NULL THEN s.n = lone AND s.state IN ('failed', 'cancelled', 'skipped')
                WHEN names IS NOT NULL THEN s.name = ANY (names) AND s.state NOT IN ('waiting', 'open')
                ELSE s.of_map IS NULL AND s.state IN ('failed', 'cancelled') END);
  IF cardinality(chosen) = 0 THEN
    verdict := w.state;
    RETURN;
  END IF;
  reset := ARRAY(
    WITH RECURSIVE behind AS (
      SELECT c.n FROM unnest(chosen) AS c(n)
      UNION
      SELECT t.n
        FROM behind b
        JOIN chancy.steps s ON s.owner_id = flow AND s.n = b.n
       CROSS JOIN LATERAL unnest(s.dependents) AS d(n)
        JOIN chancy.steps t ON t.owner_id = flow AND t.n = d.n
       WHERE CASE WHEN names IS NULL THEN t.state = 'skipped' ELSE t.state NOT IN ('waiting', 'open') END
    )
    SELECT b.n FROM behind b);
  -- A map keeps the items that succeeded, unless its list may be another one, or all of it is asked for.
  partial := ARRAY(
    SELECT s.n FROM chancy.steps s
     WHERE s.owner_id = flow AND s.n = ANY (reset) AND names IS NULL AND s.spec ? 'items'
       AND NOT EXISTS (SELECT 1 FROM unnest(s.deps) AS d(n) WHERE d.n = ANY (reset)));
  items := ARRAY(
    SELECT s.n FROM chancy.steps s
     WHERE s.owner_id = flow AND s.of_map = ANY (partial)
       AND s.state IN ('failed', 'cancelled', 'skipped') AND (lone IS NULL OR s.n = lone OR lone = ANY (partial)));

  -- One array, which the index of steps is searched for.
  again := reset || items;
  SELECT s.name INTO detail
    FROM chancy.steps s
   WHERE s.owner_id = flow AND s.n = ANY (again) AND s.job_id IS NOT NULL
     AND coalesce(s.spec -> 'job', 'null') = 'null'
     AND (SELECT true FROM chancy.finished_jobs f WHERE f.id = s.job_id LIMIT 1) IS NULL
   LIMIT 1;
  IF FOUND THEN
    verdict := 'job-gone';
    RETURN;
  END IF;

  touched := ARRAY(
    SELECT r.n FROM unnest(reset) AS r(n)
     UNION
    SELECT d.n
      FROM chancy.steps s
     CROSS JOIN LATERAL unnest(s.dependents) AS d(n)
     WHERE s.owner_id = flow AND s.n = ANY (reset));

  -- The jobs come back as suspended ones, from the history, or from the step where its day was dropped.
  WITH wanted AS MATERIALIZED (
    SELECT s.job_id, s.n, s.spec -> 'job' AS job
      FROM chancy.steps s
     WHERE s.owner_id = flow AND s.n = ANY (again) AND s.job_id IS NOT NULL
  ), gone AS (
    DELETE FROM chancy.finished_jobs f
     USING wanted t
     WHERE f.id = t.job_id
    RETURNING f.*
  ), rows AS (
    SELECT g.* FROM gone g
    UNION ALL
    SELECT r.*
      FROM wanted t
     CROSS JOIN LATERAL jsonb_populate_record(NULL::chancy.finished_jobs, t.job) r
     WHERE NOT EXISTS (SELECT 1 FROM chancy.finished_jobs f WHERE f.id = t.job_id)
  )
  INSERT INTO chancy.jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, concurrency_max, format,
         queue, name, args, unique_key, concurrency_key, limits, backoff, max_attempts, retention, progress, errors,
         meta, owner_id, owner_step, extras, state, waits)
  SELECT r.id, r.fence, r.created_at, NULL, r.started_at, r.worker_id, r.priority, r.attempts, r.concurrency_max,
         r.format, r.queue, r.name, r.args, r.unique_key, r.concurrency_key, r.limits, r.backoff,
         CASE WHEN r.max_attempts IS NOT NULL THEN greatest(r.max_attempts, r.attempts + 1) END,
         r.retention, r.progress, r.errors, r.meta, r.owner_id, r.owner_step, r.extras, 'pending', 'steps'
    FROM rows r;

  DELETE FROM chancy.steps s
   WHERE s.owner_id = flow AND s.of_map = ANY (reset) AND s.of_map <> ALL (partial);
  UPDATE chancy.steps s
     SET state = 'waiting', result = NULL, error = NULL, ended_at = NULL,
         pending = 0, bad = 0, skipped = 0, fine = 0,
         run_when = CASE WHEN s.of_map IS NULL THEN s.run_when ELSE 'all-ended' END,
         spec = nullif(s.spec - '{job,base,items,made}'::text[], '{}')
   WHERE s.owner_id = flow AND s.n = ANY (again) AND s.n <> ALL (partial);
  -- Items that were not made before the map ended are made now.
  INSERT INTO chancy.step_ends (owner_id, n, "from", state)
  SELECT flow, s.n, (s.spec ->> 'made')::int, 'map'
    FROM chancy.steps s
   WHERE s.owner_id = flow AND s.n = ANY (partial) AND s.spec ? 'made' AND lone IS NULL;
  UPDATE chancy.steps s
     SET state = 'open', error = NULL, ended_at = NULL, skipped = 0,
         pending = c.waiting + CASE WHEN lone IS NULL THEN coalesce((s.spec ->> 'items')::int - (s.spec ->> 'made')::int, 0)
                                    ELSE 0 END,
         bad = c.bad + CASE WHEN lone IS NOT NULL AND s.spec ? 'made' THEN 1 ELSE 0 END, fine = c.fine,
         spec = CASE WHEN lone IS NULL THEN s.spec - 'made' ELSE s.spec END
    FROM (SELECT i.of_map, count(*) FILTER (WHERE i.state = 'waiting')::int AS waiting,
                 count(*) FILTER (WHERE i.state IN ('failed', 'cancelled'))::int AS bad,
                 count(*) FILTER (WHERE i.state = 'succeeded')::int AS fine
            FROM chancy.steps i
           WHERE i.owner_id = flow AND i.of_map = ANY (partial)
           GROUP BY i.of_map) c
   WHERE s.owner_id = flow AND s.n = c.of_map;
  -- In a later statement: it reads the states that they have now.
  UPDATE chancy.steps s
     SET pending = c.pending, bad = c.bad, skipped = c.skipped, fine = c.fine
    FROM (SELECT t.n, count(*) FILTER (WHERE p.state IN ('waiting', 'open'))::int AS pending,
                 count(*) FILTER (WHERE p.state IN ('failed', 'cancelled'))::int AS bad,
                 count(*) FILTER (WHERE p.state = 'skipped')::int AS skipped,
                 count(*) FILTER (WHERE p.state = 'succeeded')::int AS fine
            FROM chancy.steps t
           CROSS JOIN LATERAL unnest(t.deps) AS d(n)
            JOIN chancy.steps p ON p.owner_id = flow AND p.n = d.n
           WHERE t.owner_id = flow AND t.n = ANY (touched)
             AND NOT (t.state = 'open' AND t.job_id IS NULL)
           GROUP BY t.n) c
   WHERE s.owner_id = flow AND s.n = c.n;

  UPDATE chancy.workflows f
     SET open = c.open, bad = c.bad, state = 'running', finished_at = NULL, expires_at = NULL, stopping = NULL,
         output = NULL, failure = CASE WHEN c.bad > 0 THEN f.failure END,
         -- One that has passed would end it again immediately.
         deadline_at = CASE WHEN f.deadline_at > chancy.clock_1() THEN f.deadline_at END
    FROM (SELECT count(*) FILTER (WHERE s.state IN ('waiting', 'open'))::int AS open,
                 count(*) FILTER (WHERE s.state IN ('failed', 'cancelled') AND NOT s.may_fail)::int AS bad
            FROM chancy.steps s
           WHERE s.owner_id = flow AND s.of_map IS NULL) c
   WHERE f.id = flow;
  steps := cardinality(reset) + cardinality(items);
  verdict := 'retried';
  FOR one IN
    SELECT DISTINCT f.verdict, f.name
      FROM chancy.flow_held_1(ARRAY[flow], NULL, ARRAY(
             SELECT ROW(flow, s.n, NULL, 'decide', NULL, NULL)::chancy.step_ends
               FROM chancy.steps s
              WHERE s.owner_id = flow AND s.state = 'waiting' AND s.n = ANY (again)
              ORDER BY s.n)) f
     WHERE f.verdict IN ('ready', 'scheduled')
  LOOP
    queues := queues || one.name;
    IF notifying AND part.notify_room() THEN
      PERFORM pg_notify('chancy_chancy',
                        CASE one.verdict WHEN 'ready' THEN 'queue.pushed ' ELSE 'job.scheduled ' END || one.name);
    END IF;
  END LOOP;
END $body$;
