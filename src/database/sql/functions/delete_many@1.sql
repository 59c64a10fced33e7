-- Removes finished jobs from the history, except those that another transaction holds. Returns the ids of those that it
-- has removed.
CREATE OR REPLACE FUNCTION chancy.delete_many_1(jobs uuid[]) RETURNS TABLE (id text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  held uuid[];
BEGIN
  SELECT array_agg(h.id)
    INTO held
    FROM (SELECT f.id FROM chancy.finished_jobs f
           WHERE f.id = ANY (delete_many_1.jobs)
             FOR UPDATE SKIP LOCKED) h;
  RETURN QUERY
  DELETE FROM chancy.finished_jobs f WHERE f.id = ANY (held) RETURNING f.id::text;
END $body$;
