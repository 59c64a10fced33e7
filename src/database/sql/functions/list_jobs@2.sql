-- A page of jobs, the newest ids first; `after` is the last id of the previous page. Each table gives a page at
-- most, in the order of an index: the caller sorts two pages at most. Conditions by (column, id) and not by
-- column = value: an order by a constant leaves only the id, and for that order the plan might take the other
-- index.
CREATE OR REPLACE FUNCTION chancy.list_jobs_2(of_queue text, of_state text, of_name text, after uuid, size int)
RETURNS TABLE (
  id text, queue text, name text, args text, state text, priority int, attempts int,
  max_attempts int, created_ms float8, scheduled_ms float8, started_ms float8, unique_key text,
  concurrency_key text, limits text, errors text, progress text, meta text, worker_id text,
  finished_ms float8, result text, wall_ms float8, cpu_ms float8, peak_bytes float8, durable text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
SET enable_sort = off
AS $body$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
  IF of_state = 'running' THEN
    -- Among many that wait no index has the few that run, but claims know them.
    RETURN QUERY
    SELECT part.waiting_columns(j),
         part.shown_values(j, CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END)
      FROM chancy.jobs j
     WHERE j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM chancy.claims c))
       AND part.is_on_page(j)
     ORDER BY j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
    RETURN QUERY
    SELECT part.waiting_columns(j),
         part.shown_values(j, CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END)
      FROM chancy.jobs j
     WHERE part.is_on_page(j)
     ORDER BY j.id DESC
     LIMIT size;
  END IF;
  IF of_state IN ('failed', 'cancelled') THEN
    RETURN QUERY
    SELECT part.finished_columns(j), part.shown_values(j, NULL::jsonb)
      FROM chancy.finished_jobs j
     WHERE (j.state, j.id) <= (of_state, bound) AND j.state >= of_state AND j.state <> 'succeeded'
       AND part.is_on_page(j)
     ORDER BY j.state DESC, j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
    IF of_queue IS NULL THEN
      RETURN QUERY
      SELECT part.finished_columns(j), part.shown_values(j, NULL::jsonb)
        FROM chancy.finished_jobs j
       WHERE part.is_on_page(j)
       ORDER BY j.id DESC
       LIMIT size;
    ELSE
      RETURN QUERY
      SELECT part.finished_columns(j), part.shown_values(j, NULL::jsonb)
        FROM chancy.finished_jobs j
       WHERE (j.queue, j.id) <= (of_queue, bound) AND j.queue >= of_queue
         AND part.is_on_page(j)
       ORDER BY j.queue DESC, j.id DESC
       LIMIT size;
    END IF;
  END IF;
END $body$;
