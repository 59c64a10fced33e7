-- Why the jobs or the workflow that a durable job invoked did not succeed, as an error is stored; null where they did, or
-- where all are waited for whatever becomes of them (`settle`).
CREATE OR REPLACE FUNCTION chancy.owner_error_1(owner uuid, settle boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT jsonb_build_object(
           'name', 'AttemptError', 'stack', NULL,
           'message', coalesce(o.failure ->> 'message', 'It was ' || o.state || '.'),
           'fields', jsonb_strip_nulls(jsonb_build_object('kind', o.failure -> 'kind', 'step', o.failure -> 'step')))::text
    FROM chancy.workflows o
   WHERE o.id = owner AND NOT settle AND o.state <> 'succeeded'
$body$;
