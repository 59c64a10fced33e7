-- A template with its holes filled from the outputs of the steps of a workflow, and in a map from an item and its
-- index. A hole whose path leads to nothing becomes null. What is larger than 1 MiB is refused. `which` are the holes
-- to fill: all, 'steps' (those of steps) or 'item' (the others).
CREATE OR REPLACE FUNCTION chancy.filled_1(
  owner uuid, value jsonb, holes jsonb, which text DEFAULT 'all', item jsonb DEFAULT NULL, index int DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  hole jsonb;
  source jsonb;
  place text[];
  path text[];
  content jsonb;
BEGIN
  FOR hole IN SELECT h FROM jsonb_array_elements(holes) AS h LOOP
    source := hole -> 'from';
    CONTINUE WHEN which <> 'all' AND (which = 'steps') <> (jsonb_typeof(source) = 'number');
    place := ARRAY(SELECT jsonb_array_elements_text(hole -> 'at'));
    path := ARRAY(SELECT jsonb_array_elements_text(hole -> 'path'));
    content := coalesce(
      CASE WHEN jsonb_typeof(source) = 'number' THEN chancy.output_1(owner, source::int, path)
           WHEN source = '"item"' THEN item #> path
           ELSE to_jsonb(index) END, 'null');
    value := CASE WHEN cardinality(place) = 0 THEN content ELSE jsonb_set(value, place, content, false) END;
  END LOOP;
  -- A text of so few bytes is never longer than that.
  IF pg_column_size(value) > 100000 AND octet_length(value::text) > 1048576 THEN
    RAISE EXCEPTION 'The value is larger than 1 MiB' USING ERRCODE = 'CH004';
  END IF;
  RETURN value;
END $body$;
