-- Writes the steps of workflows that were just made, and their jobs: `plans` is an array of FlowPlan. Returns the
-- notifications of those that are ready or scheduled. Without nested loops, which the planner takes for a hundred rows, and
-- there may be ten thousand. The loops over the steps remain; they count as very expensive before PostgreSQL 18, and such a
-- plan would be compiled.
CREATE OR REPLACE FUNCTION chancy.put_steps_1(plans jsonb, OUT events text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  roots int;
  block_starts bigint[];
BEGIN
  roots := (SELECT count(*)::int
              FROM jsonb_array_elements(plans) p
             CROSS JOIN LATERAL jsonb_array_elements(p -> 'steps') s
             WHERE s -> 'deps' = '[]');
  PERFORM part.draw_positions(roots);
  WITH steps AS MATERIALIZED (
    SELECT (p.plan ->> 'id')::uuid AS flow, p.n AS p, (p.plan ->> 'priority')::int AS flow_priority,
           s.n::int - 1 AS n, s.name, s.job, s.deps, s."runWhen" AS run_when, s."mayFail" AS may_fail,
           nullif(s."delayMs", 0) AS delay_ms, (s.args ->> 'value')::jsonb AS args,
           nullif(s.args -> 'holes', '[]') AS holes, nullif(s."runIf", 'null') AS run_if,
           nullif(s.map, 'null') AS map, s."groupBy" AS group_by, s.begin,
           nullif(s."failsWith", '[]') AS fails_with
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(p.plan -> 'steps') AS (
             name text, job jsonb, deps int[], "runWhen" text, "runIf" jsonb, "mayFail" boolean, "delayMs" float8,
             args jsonb, "groupBy" text, map jsonb, begin int, "failsWith" jsonb))
           WITH ORDINALITY AS s(name, job, deps, "runWhen", "runIf", "mayFail", "delayMs", args, "groupBy", map,
                                begin, "failsWith", n)
  ), rows AS MATERIALIZED (
    SELECT s.flow, s.p, s.n, s.name, s.deps, s.run_when, s.may_fail, s.delay_ms, s.args, s.group_by,
           s.holes, s.run_if, s.map, s.begin, s.fails_with,
           CASE WHEN s.map IS NULL THEN (s.job ->> 'id')::uuid END AS job_id, s.job ->> 'queue' AS queue,
           s.job ->> 'name' AS job_name,
           CASE WHEN (s.job ->> 'priority')::int = 0 THEN s.flow_priority ELSE (s.job ->> 'priority')::int END AS priority,
           (s.job ->> 'maxAttempts')::int AS max_attempts, (s.job ->> 'extras')::jsonb AS extras,
           cardinality(s.deps) = 0 AS is_root,
           count(*) FILTER (WHERE cardinality(s.deps) = 0) OVER (ORDER BY s.p, s.n) AS k
      FROM steps s
  ), dependents AS MATERIALIZED (
    SELECT r.flow, d.dep, array_agg(r.n ORDER BY r.n) AS ns
      FROM rows r CROSS JOIN LATERAL unnest(r.deps) AS d(dep)
     GROUP BY r.flow, d.dep
  ), written AS (
    INSERT INTO chancy.steps (
           owner_id, n, pending, job_id, may_fail, state, run_when, name, deps, dependents, spec)
    SELECT r.flow, r.n, cardinality(r.deps), r.job_id, r.may_fail,
           CASE WHEN r.is_root AND r.job_id IS NOT NULL THEN 'open' ELSE 'waiting' END, r.run_when, r.name,
           nullif(r.deps, '{}'), d.ns,
           CASE WHEN r.job_id IS NULL OR r.holes IS NOT NULL OR r.group_by IS NOT NULL OR r.run_if IS NOT NULL
                     OR r.delay_ms IS NOT NULL OR r.begin IS NOT NULL OR r.fails_with IS NOT NULL
                THEN nullif(
             CASE WHEN r.job_id IS NULL OR r.holes IS NOT NULL OR r.group_by IS NOT NULL
                  THEN jsonb_build_object('args', r.args) ELSE '{}' END
             || CASE WHEN r.holes IS NULL THEN '{}' ELSE jsonb_build_object('holes', r.holes) END
             || CASE WHEN r.run_if IS NULL THEN '{}' ELSE jsonb_build_object('run_if', r.run_if) END
             || CASE WHEN r.delay_ms IS NULL OR r.is_root THEN '{}' ELSE jsonb_build_object('delay_ms', r.delay_ms) END
             || CASE WHEN r.group_by IS NULL THEN '{}'
                     ELSE jsonb_build_object('group_by', r.group_by, 'job_name', r.job_name) END
             || CASE WHEN r.begin IS NULL THEN '{}' ELSE jsonb_build_object('begin', r.begin) END
             || CASE WHEN r.fails_with IS NULL THEN '{}' ELSE jsonb_build_object('fails_with', r.fails_with) END
             || CASE WHEN r.map IS NULL THEN '{}'
                     ELSE jsonb_build_object('map', r.map, 'job_row', jsonb_build_object(
                            'queue', r.queue, 'name', r.job_name, 'priority', r.priority,
                            'max_attempts', r.max_attempts, 'extras', r.extras)) END, '{}') END
      FROM rows r
      LEFT JOIN dependents d ON d.flow = r.flow AND d.dep = r.n
     ORDER BY r.p, r.n
  ), placed AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.delay_ms > 0 AND r.is_root THEN chancy.now_1() + make_interval(secs => r.delay_ms / 1000) END AS due,
           CASE WHEN r.is_root AND coalesce(r.delay_ms, 0) <= 0 THEN part.position_of(r.k) END AS position
      FROM rows r
     WHERE r.job_id IS NOT NULL
  ), put AS (
    INSERT INTO chancy.jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, limits, backoff,
           retention, meta, concurrency_key, concurrency_max, waits, owner_id, owner_step)
    SELECT p.job_id, p.queue, p.job_name, p.args, p.priority, p.max_attempts, p.due, p.due, p.position, p.position,
           p.extras -> 'limits', p.extras -> 'backoff',
           make_interval(secs => (p.extras ->> 'retention_ms')::float8 / 1000), p.extras -> 'meta',
           p.extras ->> 'concurrency_key', (p.extras ->> 'concurrency_max')::int,
           CASE WHEN p.is_root THEN NULL ELSE 'steps' END, p.flow, p.n
      FROM placed p
     ORDER BY p.p, p.n
  )
  SELECT array_agg(DISTINCT CASE WHEN p.position IS NULL THEN 'job.scheduled ' ELSE 'queue.pushed ' END || p.queue)
    INTO events
    FROM placed p
   WHERE p.is_root;
END $body$;
