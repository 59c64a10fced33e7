-- Adds an entry to the errors of a job: the first and the last 19 are kept; the time is the database's.
CREATE OR REPLACE FUNCTION chancy.with_error_1(errors jsonb, entry jsonb, at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT CASE
           WHEN entry IS NULL THEN errors
           -- What finish did not write is not added to.
           WHEN errors IS NULL OR pg_column_size(errors) > 4194304
                OR jsonb_typeof(errors) <> 'array'
             THEN jsonb_build_array(entry || jsonb_build_object('at', at))
           WHEN jsonb_array_length(errors) < 20
             THEN errors || jsonb_build_array(entry || jsonb_build_object('at', at))
           ELSE jsonb_build_array(errors -> 0)
                || jsonb_path_query_array(errors, '$[2 to last]')
                || jsonb_build_array(entry || jsonb_build_object('at', at))
         END
$body$;
