-- The concurrency key of a job by one of its arguments, as groupKey of the library makes it.
CREATE OR REPLACE FUNCTION chancy.group_key_1(name text, field text, args jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  value jsonb := args -> field;
  key text;
BEGIN
  IF jsonb_typeof(value) IS NULL OR jsonb_typeof(value) NOT IN ('string', 'number', 'boolean') THEN
    RAISE EXCEPTION 'The concurrency key of job "%": expected a text, a number or a boolean from the argument "%", got %',
                    name, field, coalesce(jsonb_typeof(value), 'nothing')
      USING ERRCODE = 'CH004';
  END IF;
  key := name || ':' || field || '='
         || CASE jsonb_typeof(value) WHEN 'number' THEN trim_scale(value::numeric)::text ELSE value::text END;
  IF octet_length(key) > 1000 THEN
    RAISE EXCEPTION 'The concurrency key of job "%" is longer than 1000 bytes', name USING ERRCODE = 'CH004';
  END IF;
  RETURN key;
END $body$;
