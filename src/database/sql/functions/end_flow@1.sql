-- Ends a workflow whose last step has ended. The caller holds its lock. Returns its state, and the durable job that
-- invoked it, if one did.
CREATE OR REPLACE FUNCTION chancy.end_flow_1(flow uuid, at timestamptz, OUT ended_as text, OUT parent uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_variable
DECLARE
  w chancy.workflows;
  template jsonb;
  given jsonb;
  why jsonb;
BEGIN
  SELECT * INTO w FROM chancy.workflows f WHERE f.id = flow;
  why := w.failure;
  ended_as := CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                   WHEN w.stopping IS NOT NULL OR w.bad > 0 THEN 'failed'
                   ELSE 'succeeded' END;
  IF w.stopping = 'deadline' THEN
    why := jsonb_build_object('kind', 'deadline', 'message', 'The deadline of the workflow passed.', 'step', NULL);
  END IF;
  template := w.extras -> 'output';
  IF template IS NOT NULL AND ended_as = 'succeeded' THEN
    BEGIN
      given := chancy.filled_1(flow, template -> 'value', coalesce(template -> 'holes', '[]'));
    EXCEPTION
      WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
        ended_as := 'failed';
        why := jsonb_build_object('kind', 'input', 'message', 'Its output cannot be made: ' || SQLERRM, 'step', NULL);
    END;
  END IF;
  parent := w.owner_id;
  UPDATE chancy.workflows f
     SET state = ended_as, failure = CASE WHEN ended_as = 'succeeded' THEN NULL ELSE why END, output = given,
         finished_at = at,
         expires_at = at + least(coalesce(w.retention, interval '7 days'), interval '3650 days')
   WHERE f.id = flow;
  IF w.stopping IS NOT NULL THEN
    -- What is left to count decides nothing any more, and a retry counts again.
    DELETE FROM chancy.step_ends e WHERE e.owner_id = flow;
  END IF;
END $body$;
