-- The ids of jobs of a day of the history whose args and meta fit SQL/JSON paths, `most` at most, by the index of its
-- args and meta. Its settings hold whatever those of its caller are.
CREATE OR REPLACE FUNCTION chancy.day_candidates_1(args jsonpath, meta jsonpath, day timestamptz, most int)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_indexscan = off
SET enable_bitmapscan = on
SET jit = off
AS $body$
BEGIN
  RETURN ARRAY(
    SELECT f.id
      FROM chancy.finished_jobs f
     WHERE f.finished_at >= day AND f.finished_at < day + interval '1 day'
       AND (day_candidates_1.args IS NULL OR f.args @@ day_candidates_1.args)
       AND (day_candidates_1.meta IS NULL OR f.meta @@ day_candidates_1.meta)
     LIMIT most);
END $body$;
