-- Which of the jobs have ended lately, and so no longer are in jobs. A bound on the time prunes the partitions that
-- cannot hold them.
CREATE OR REPLACE FUNCTION chancy.moved_1(ids uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  RETURN QUERY
  SELECT i.id
    FROM unnest(ids) AS i(id)
   WHERE (SELECT true FROM chancy.finished_jobs f
           WHERE f.id = i.id AND f.finished_at >= chancy.now_1() - interval '20 minutes'
           LIMIT 1);
END $body$;
