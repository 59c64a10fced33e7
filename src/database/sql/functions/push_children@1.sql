-- Pushes the jobs that a durable job invokes, as a workflow of its own whose steps they are, and returns its id: their
-- ends are counted as those of any workflow, and its end wakes the job. `wait` is what the job waits for, with the jobs
-- in `push`. With `concurrency` no more of them run at a time.
CREATE OR REPLACE FUNCTION chancy.push_children_1(parent uuid, wait jsonb) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  owner uuid := chancy.new_id();
  settle boolean := coalesce((wait ->> 'settle')::boolean, false);
  plan jsonb;
BEGIN
  SELECT jsonb_build_object(
           'id', owner, 'name', left(wait ->> 'name', 200), 'once', false,
           'priority', (SELECT j.priority FROM chancy.jobs j WHERE j.id = parent),
           -- Its end wakes the job, which takes the results then.
           'retentionMs', 604800000, 'onFailure', CASE WHEN settle THEN 'finish' ELSE 'cancel' END, 'meta', '{}',
           'output', '{"value": "null", "holes": []}'::jsonb,
           'steps', jsonb_agg(jsonb_build_object(
             'name', (p.n - 1)::text, 'deps', '[]'::jsonb, 'runWhen', 'all-succeeded', 'mayFail', settle,
             'delayMs', coalesce((p.push #>> '{job,delay_ms}')::float8, greatest(
               0, (p.push #>> '{job,scheduled_ms}')::float8 - extract(epoch FROM chancy.now_1()) * 1000), 0),
             'args', jsonb_build_object('value', (p.push #> '{job,args}')::text, 'holes', '[]'::jsonb),
             'job', jsonb_build_object(
               'id', p.push -> 'id', 'queue', p.push #> '{job,queue}', 'name', p.push #> '{job,name}',
               'priority', p.push #> '{job,priority}', 'maxAttempts', p.push #> '{job,max_attempts}',
               'extras', (coalesce(p.push #> '{job,extras}', '{}')
                          || CASE WHEN wait ? 'concurrency'
                                  THEN jsonb_build_object('concurrency_key', 'invoke:' || owner,
                                                          'concurrency_max', wait -> 'concurrency')
                                  ELSE '{}' END)::text)) ORDER BY p.n))
    INTO plan
    FROM jsonb_array_elements(wait -> 'push') WITH ORDINALITY AS p(push, n);
  PERFORM chancy.push_flow_1(jsonb_build_array(plan), true);
  UPDATE chancy.workflows w SET kind = 'children', owner_id = parent WHERE w.id = owner;
  RETURN owner;
END $body$;
