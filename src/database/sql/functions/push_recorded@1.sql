-- Pushes jobs together with the records of the steps that push them: `pushes` has an object for each, of the `step`, the
-- `id` of its job, and the `job` as encode of a plugin makes it. A step whose job is another one gets it as its result.
CREATE OR REPLACE FUNCTION chancy.push_recorded_1(job uuid, pushes jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  made uuid[];
  are_new boolean[];
BEGIN
  SELECT array_agg(m.id ORDER BY m.n), array_agg(m.created ORDER BY m.n)
    INTO made, are_new
    FROM chancy.push_stored_1(
           (SELECT jsonb_agg(p.push -> 'job' ORDER BY p.n)
              FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n)),
           ARRAY(SELECT (p.push ->> 'id')::uuid
                   FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n) ORDER BY p.n)) m;
  UPDATE chancy.job_steps s
     SET result = json_build_object('id', made[p.n], 'created', false)
    FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n)
   WHERE s.job_id = push_recorded_1.job AND s.kind = 'push' AND s.name = p.push ->> 'step' AND NOT are_new[p.n];
END $body$;
