-- What becomes of a step whose condition is met, and that is more than a job with its arguments:
--
-- - run: its job is ready, with these arguments (null: as they are), after this delay, in this group (null: as it is);
-- - skip: its run_if is not true, or the included workflow that it belongs to was skipped;
-- - fail: its arguments cannot be made, or it is the end of an included workflow of which a step has failed;
-- - end: it has no job, and has succeeded with this result;
-- - map: it is one job for each of these items.
--
-- `error` says why it is skipped or fails. Null: it waits for the begin of its included workflow.
CREATE OR REPLACE FUNCTION chancy.prepare_step_1(
  s chancy.steps, OUT verdict text, OUT content jsonb, OUT delay_ms float8, OUT group_key text, OUT error jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_variable
DECLARE
  spec jsonb := s.spec;
  part_of jsonb;
  other record;
  value jsonb;
BEGIN
  IF spec ? 'begin' THEN
    SELECT p.state, p.name INTO other
      FROM chancy.steps p
     WHERE p.owner_id = s.owner_id AND p.n = (spec ->> 'begin')::int;
    IF other.state IN ('skipped', 'failed', 'cancelled') THEN
      verdict := 'skip';
      error := jsonb_build_object('kind', 'skipped', 'step', other.name,
                                  'message', format('"%s" was skipped.', other.name));
      RETURN;
    ELSIF other.state IN ('waiting', 'open') AND (spec ->> 'begin')::int = ANY (s.deps) THEN
      -- Its end counts here, and this is looked at then.
      RETURN;
    END IF;
  END IF;
  IF spec ? 'fails_with' THEN
    SELECT p.name, p.error INTO other
      FROM chancy.steps p
     WHERE p.owner_id = s.owner_id AND p.state IN ('failed', 'cancelled')
       AND p.n = ANY (ARRAY(SELECT f::int FROM jsonb_array_elements_text(spec -> 'fails_with') f))
     ORDER BY p.ended_at, p.n
     LIMIT 1;
    IF FOUND THEN
      verdict := 'fail';
      error := coalesce(other.error, '{}') || jsonb_build_object('step', coalesce(other.error ->> 'step', other.name));
      RETURN;
    END IF;
  END IF;
  BEGIN
    IF spec ? 'run_if' THEN
      part_of := spec -> 'run_if';
      value := chancy.output_1(s.owner_id, (part_of ->> 'step')::int,
                               ARRAY(SELECT jsonb_array_elements_text(part_of -> 'path')));
      IF value IS DISTINCT FROM 'true' THEN
        verdict := 'skip';
        error := jsonb_build_object('kind', 'skipped', 'message', 'Its runIf was not true.', 'step', (
          SELECT p.name FROM chancy.steps p WHERE p.owner_id = s.owner_id AND p.n = (part_of ->> 'step')::int));
        RETURN;
      END IF;
    END IF;
    IF spec ? 'map' THEN
      part_of := spec #> '{map,over}';
      content := chancy.output_1(s.owner_id, (part_of ->> 'step')::int,
                                 ARRAY(SELECT jsonb_array_elements_text(part_of -> 'path')));
      IF jsonb_typeof(content) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'A map takes a list, got %', coalesce(jsonb_typeof(content), 'null') USING ERRCODE = 'CH004';
      END IF;
      verdict := 'map';
      RETURN;
    END IF;
    IF spec ? 'holes' THEN
      content := chancy.filled_1(s.owner_id, spec -> 'args', spec -> 'holes');
    END IF;
    IF s.job_id IS NULL THEN
      verdict := 'end';
      content := coalesce(content, spec -> 'args');
      RETURN;
    END IF;
    IF jsonb_typeof(content) <> 'object' THEN
      RAISE EXCEPTION 'The arguments of a job are an object, got %', jsonb_typeof(content) USING ERRCODE = 'CH004';
    END IF;
    IF spec ? 'group_by' THEN
      group_key := chancy.group_key_1(spec ->> 'job_name', spec ->> 'group_by', coalesce(content, spec -> 'args'));
    END IF;
    verdict := 'run';
    delay_ms := (spec ->> 'delay_ms')::float8;
  EXCEPTION
    -- What does not fit, of whatever kind, is the step's own failure: nothing else may wait for it.
    WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
      verdict := 'fail';
      error := jsonb_build_object('kind', 'input', 'message', SQLERRM);
  END;
END $body$;
