-- A workflow or a batch, with the numbers of its jobs, and with all its steps, which are a JSON array of objects in the order of their ordinals: n, name, state
-- (waiting, that of its job, or skipped), deps, runWhen, mayFail, job, endedMs, error, and of an item of a map ofMap
-- and item. All is read in one snapshot.
CREATE OR REPLACE FUNCTION chancy.get_flow_1(flow uuid)
RETURNS TABLE (
  id text, name text, state text, stopping text, priority int, unique_key text, created_ms float8,
  deadline_ms float8, finished_ms float8, expires_ms float8, meta text, output text, failure text, kind text, total int,
  failed int, cancelled int, open int, is_pushing boolean, steps text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.id::text, left(w.name, 200), w.state, w.stopping, w.priority, w.unique_key,
         date_part('epoch', w.created_at) * 1000, date_part('epoch', w.deadline_at) * 1000,
         date_part('epoch', w.finished_at) * 1000, date_part('epoch', w.expires_at) * 1000,
         w.meta::text, w.output::text, w.failure::text, w.kind, w.size, w.bad, w.cancelled,
         w.open - (w.pushed_until IS NOT NULL)::int, w.pushed_until IS NOT NULL,
         (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
                   'n', s.n, 'name', s.name,
                   'state', CASE WHEN s.state <> 'open' THEN s.state
                                 -- Its end may be known and not counted yet.
                                 ELSE coalesce(e.state, j.state, CASE WHEN s.job_id IS NULL THEN 'running' ELSE 'pending' END) END,
                   'deps', s.deps, 'runWhen', s.run_when, 'mayFail', s.may_fail, 'job', s.job_id, 'ofMap', s.of_map,
                   'item', s.item, 'endedMs', date_part('epoch', s.ended_at) * 1000, 'error', s.error)) ORDER BY s.n), '[]')::text
            FROM chancy.steps s
            LEFT JOIN LATERAL (
                   SELECT k.state FROM chancy.jobs k WHERE s.state = 'open' AND k.id = s.job_id OFFSET 0) j ON true
            LEFT JOIN LATERAL (
                   SELECT o.state FROM chancy.step_ends o
                    WHERE s.state = 'open' AND o.owner_id = w.id AND o.n = s.n AND o."from" IS NULL
                    LIMIT 1) e ON true
           WHERE s.owner_id = w.id)
    FROM chancy.workflows w
   WHERE w.id = flow AND w.kind <> 'children';
END $body$;
