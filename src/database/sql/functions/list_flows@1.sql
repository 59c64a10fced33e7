-- A page of workflows, the newest ids first; `after` is the last id of the previous page. Without steps: `counts` is
-- how many are in each state, as a JSON object (open: ready, running or retrying; items of maps are not counted). Of a
-- batch they are those of its jobs. `of_kind` is workflow or batch; null: both.
CREATE OR REPLACE FUNCTION chancy.list_flows_1(
  of_name text, of_state text, of_key text, after uuid, page_size int, of_kind text DEFAULT NULL)
RETURNS TABLE (
  id text, name text, state text, stopping text, priority int, unique_key text, created_ms float8,
  deadline_ms float8, finished_ms float8, expires_ms float8, meta text, output text, failure text, kind text, total int,
  failed int, cancelled int, open int, is_pushing boolean, counts text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
SET enable_sort = off
AS $body$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  kinds text[] := CASE WHEN of_kind IS NULL THEN '{workflow,batch}' ELSE ARRAY[of_kind] END;
  ids uuid[];
BEGIN
  -- Each kind of question has an index in this order, and reads a page of it.
  IF of_key IS NOT NULL THEN
    ids := ARRAY(
      SELECT w.id FROM chancy.workflows w
       WHERE (w.unique_key, w.id) <= (of_key, bound) AND w.unique_key >= of_key AND w.unique_key IS NOT NULL
         AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
         AND (of_name IS NULL OR w.name = of_name) AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.unique_key DESC, w.id DESC LIMIT page_size);
  ELSIF of_name IS NOT NULL THEN
    ids := ARRAY(
      SELECT w.id FROM chancy.workflows w
       WHERE (w.name, w.id) <= (of_name, bound) AND w.name >= of_name
         AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds) AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.name DESC, w.id DESC LIMIT page_size);
  ELSIF of_state = 'running' THEN
    ids := ARRAY(
      SELECT w.id FROM chancy.workflows w
       WHERE w.finished_at IS NULL AND w.id <= bound AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
       ORDER BY w.id DESC LIMIT page_size);
  ELSE
    ids := ARRAY(
      SELECT w.id FROM chancy.workflows w
       WHERE w.id <= bound AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
         AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.id DESC LIMIT page_size);
  END IF;
  RETURN QUERY
  SELECT w.id::text, left(w.name, 200), w.state, w.stopping, w.priority, w.unique_key,
         date_part('epoch', w.created_at) * 1000, date_part('epoch', w.deadline_at) * 1000,
         date_part('epoch', w.finished_at) * 1000, date_part('epoch', w.expires_at) * 1000,
         w.meta::text, w.output::text, w.failure::text, w.kind, w.size, w.bad, w.cancelled,
         w.open - (w.pushed_until IS NOT NULL)::int, w.pushed_until IS NOT NULL,
         (SELECT coalesce(json_object_agg(c.state, c.n), '{}')::text
            FROM (SELECT s.state, count(*)::int AS n
                    FROM chancy.steps s
                   WHERE s.owner_id = w.id AND s.of_map IS NULL
                   GROUP BY s.state) c)
    FROM unnest(ids) WITH ORDINALITY AS i(id, n)
    JOIN chancy.workflows w ON w.id = i.id;
END $body$;
