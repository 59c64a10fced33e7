-- The JSON text of a value, or the empty text where it is larger than the bounds: in bytes as a text, and in bytes
-- as PostgreSQL computes with it. What takes more than these where it is stored, compressed or not, or more than
-- 4 MiB, is not even decompressed: a claim does not wait for a row of hundreds of MiB. With an exception block, since
-- the text of a few bytes may be longer than any that PostgreSQL makes.
CREATE OR REPLACE FUNCTION chancy.text_1(value jsonb, text_bytes int, value_bytes int)
RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  content text;
  whole jsonb;
BEGIN
  IF pg_column_size(value) > least(value_bytes, 4194304) THEN
    RETURN '';
  END IF;
  -- With nothing added to it a value comes back as it is, decompressed.
  whole := value || CASE jsonb_typeof(value) WHEN 'object' THEN '{}' ELSE '[]' END::jsonb;
  IF pg_column_size(whole) > value_bytes THEN
    RETURN '';
  END IF;
  content := value::text;
  IF octet_length(content) > text_bytes THEN
    RETURN '';
  END IF;
  RETURN content;
EXCEPTION WHEN OTHERS THEN
  RETURN '';
END $body$;
