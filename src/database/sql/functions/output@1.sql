-- A part of what a step of a workflow gave: null where it did not succeed, or where the path leads to nothing. That of
-- a map is the list of what its items gave, which is refused beyond 1 MiB.
CREATE OR REPLACE FUNCTION chancy.output_1(owner uuid, step int, path text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  found_step record;
  bytes bigint;
BEGIN
  SELECT s.state, s.name, s.result, s.job_id IS NULL AND s.spec ? 'map' AS is_map, (s.spec ->> 'base')::int AS base
    INTO found_step
    FROM chancy.steps s
   WHERE s.owner_id = output_1.owner AND s.n = output_1.step;
  IF found_step.state IS DISTINCT FROM 'succeeded' THEN
    RETURN NULL;
  END IF;
  IF NOT found_step.is_map THEN
    RETURN found_step.result #> path;
  END IF;
  IF path[1] ~ '^[0-9]{1,6}$' THEN
    RETURN (SELECT s.result #> path[2:]
              FROM chancy.steps s
             WHERE s.owner_id = output_1.owner AND s.n = found_step.base + path[1]::int AND s.of_map = output_1.step);
  ELSIF cardinality(path) > 0 THEN
    RETURN NULL;
  END IF;
  -- As they are stored, first: gigabytes are not read into one value to find that they are too many.
  SELECT sum(pg_column_size(s.result)) INTO bytes
    FROM chancy.steps s
   WHERE s.owner_id = output_1.owner AND s.of_map = output_1.step;
  IF bytes > 1048576 THEN
    RAISE EXCEPTION 'The list of outputs of "%" is larger than 1 MiB. Read it with context.outputs.', found_step.name
      USING ERRCODE = 'CH004';
  END IF;
  RETURN (SELECT coalesce(jsonb_agg(coalesce(s.result, 'null') ORDER BY s.n), '[]')
            FROM chancy.steps s
           WHERE s.owner_id = output_1.owner AND s.of_map = output_1.step);
END $body$;
