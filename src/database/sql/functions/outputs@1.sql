-- What the jobs of a map gave, as JSON texts in the order of its items, for an attempt of another step of the workflow:
-- from the item `after` on, and as many as are 256 KiB, but one at least. An item that did not succeed gives null. The
-- last row says whether there are more: 'more' or 'end'. Otherwise it is the only one: 'lost' (another attempt has the
-- job), 'unknown' (no step of that name), 'no-map', or 'open' (the map has not ended).
CREATE OR REPLACE FUNCTION chancy.outputs_1(job uuid, of_fence bigint, worker uuid, step text, after int)
RETURNS TABLE (verdict text, result text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  owner uuid;
  of_step record;
  one record;
  content text;
  bytes int := 0;
  items int := 0;
BEGIN
  SELECT j.owner_id INTO owner
    FROM chancy.jobs j
   WHERE j.id = outputs_1.job AND j.fence = of_fence AND j.worker_id = worker AND j.state = 'running';
  IF owner IS NULL THEN
    RETURN QUERY SELECT 'lost', NULL::text;
    RETURN;
  END IF;
  SELECT s.n, s.state, s.job_id IS NULL AND s.spec ? 'map' AS is_map INTO of_step
    FROM chancy.steps s
   WHERE s.owner_id = owner AND s.name = step
   ORDER BY s.n
   LIMIT 1;
  IF of_step.is_map IS NOT TRUE OR of_step.state IN ('waiting', 'open') THEN
    RETURN QUERY SELECT CASE WHEN of_step.is_map IS NULL THEN 'unknown'
                             WHEN of_step.is_map THEN 'open'
                             ELSE 'no-map' END, NULL::text;
    RETURN;
  END IF;
  FOR one IN
    SELECT s.state, s.result
      FROM chancy.steps s
     WHERE s.owner_id = owner AND s.of_map = of_step.n
       AND s.n >= (SELECT min(f.n) FROM chancy.steps f WHERE f.owner_id = owner AND f.of_map = of_step.n) + after
     ORDER BY s.n
  LOOP
    IF bytes >= 262144 OR items >= 1000 THEN
      RETURN QUERY SELECT 'more', NULL::text;
      RETURN;
    END IF;
    content := coalesce(CASE WHEN one.state = 'succeeded' THEN one.result::text END, 'null');
    bytes := bytes + octet_length(content);
    items := items + 1;
    RETURN QUERY SELECT 'item', content;
  END LOOP;
  RETURN QUERY SELECT 'end', NULL::text;
END $body$;
