-- Saves progress while the attempt still holds the job. Returns the jobs whose progress was saved. Locked in the
-- order of ids; a job that is being finished is passed over: its value goes with its outcome.
CREATE OR REPLACE FUNCTION chancy.save_progress_1(worker uuid, ids uuid[], fences bigint[], contents text[])
RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH held AS MATERIALIZED (
    SELECT j.id, d.content
      FROM unnest(ids, fences, contents) AS d(id, fence, content)
      JOIN chancy.jobs j ON j.id = d.id
     WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
     ORDER BY j.id
       FOR NO KEY UPDATE OF j SKIP LOCKED
  )
  UPDATE chancy.jobs j
     SET progress = held.content::jsonb
    FROM held
   WHERE j.id = held.id
  RETURNING j.id;
END $body$;
