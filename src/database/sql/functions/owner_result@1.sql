-- What the jobs or the workflow that a durable job invoked gave, as JSON: of `invoke` a result, of `invoke-all` an array,
-- in which each has its state where all are waited for (`settle`).
CREATE OR REPLACE FUNCTION chancy.owner_result_1(owner uuid, kind text, settle boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT CASE
           WHEN o.kind <> 'children' THEN o.output::text
           WHEN owner_result_1.kind = 'invoke'
             THEN (SELECT s.result::text FROM chancy.steps s WHERE s.owner_id = o.id AND s.job_id IS NOT NULL ORDER BY s.n LIMIT 1)
           ELSE (SELECT coalesce(jsonb_agg(
                          CASE WHEN NOT settle THEN coalesce(s.result, 'null')
                               WHEN s.state = 'succeeded'
                                 THEN jsonb_build_object('state', s.state, 'result', coalesce(s.result, 'null'))
                               ELSE jsonb_build_object('state', s.state, 'error', s.error) END ORDER BY s.n), '[]')::text
                   FROM chancy.steps s
                  WHERE s.owner_id = o.id AND s.job_id IS NOT NULL) END
    FROM chancy.workflows o
   WHERE o.id = owner
$body$;
