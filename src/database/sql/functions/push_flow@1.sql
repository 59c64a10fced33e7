-- Pushes workflows: `plans` is an array of FlowPlan (src/core/workflow/flow-plan.ts). Steps without dependencies are ready or
-- scheduled, all others are suspended. It returns a row for each plan: its number from 1, the id of the workflow that
-- stands for it, and whether that one was created here, or by an earlier try of the same push. `lock_ms`: how long to
-- wait for a unique key that an open transaction holds; 0: as the session says.
CREATE OR REPLACE FUNCTION chancy.push_flow_1(plans jsonb, notifying boolean, lock_ms int DEFAULT 0)
RETURNS TABLE (n int, id uuid, created boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  given record;
  flow uuid;
  holder uuid;
  fresh uuid[];
  made jsonb := plans;
  events text[];
  begins chancy.step_ends[];
BEGIN
  IF lock_ms > 0 THEN
    PERFORM set_config('lock_timeout', lock_ms::text, true);
  END IF;
  -- Without a key nothing stands in the way but an earlier try.
  WITH put AS (
    INSERT INTO chancy.workflows (
           id, open, size, priority, deadline_at, retention, once, cancels, name, unique_key, meta, extras)
    SELECT part.flow_values(p)
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     WHERE p.plan ->> 'uniqueKey' IS NULL
     ORDER BY p.n
        ON CONFLICT DO NOTHING
    RETURNING workflows.id
  )
  SELECT array_agg(p.id) INTO fresh FROM put p;
  -- By key: two pushes meet at their common keys in one order.
  FOR given IN
    SELECT p.plan, p.n, p.plan ->> 'uniqueKey' AS key
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     WHERE p.plan ->> 'uniqueKey' IS NOT NULL
     ORDER BY p.plan ->> 'uniqueKey', p.n
  LOOP
    flow := NULL;
    LOOP
      holder := NULL;
      IF (given.plan ->> 'once')::boolean THEN
        holder := chancy.flow_holder_1(NULL, given.key, true);
        EXIT WHEN holder IS NOT NULL;
      END IF;
      INSERT INTO chancy.workflows (
             id, open, size, priority, deadline_at, retention, once, cancels, name, unique_key, meta, extras)
      SELECT part.flow_values(p)
        FROM (SELECT given.plan AS plan) p
          ON CONFLICT DO NOTHING
      RETURNING workflows.id INTO flow;
      EXIT WHEN flow IS NOT NULL;
      holder := chancy.flow_holder_1((given.plan ->> 'id')::uuid, given.key, false);
      -- None: it ended between the two statements, and the key is free.
      EXIT WHEN holder IS NOT NULL;
    END LOOP;
    n := given.n::int;
    id := coalesce(flow, holder);
    created := id = (given.plan ->> 'id')::uuid;
    RETURN NEXT;
    fresh := fresh || flow;
  END LOOP;
  fresh := array_remove(fresh, NULL);
  RETURN QUERY
  SELECT p.n::int, (p.plan ->> 'id')::uuid, true
    FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
   WHERE p.plan ->> 'uniqueKey' IS NULL;

  IF coalesce(cardinality(fresh), 0) < jsonb_array_length(plans) THEN
    made := (SELECT jsonb_agg(p.plan ORDER BY p.n)
               FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
              WHERE (p.plan ->> 'id')::uuid = ANY (fresh));
    IF made IS NULL THEN
      RETURN;
    END IF;
  END IF;
  events := chancy.put_steps_1(made);
  -- What has no dependencies and no job, such as the begin of an included workflow, has ended already.
  begins := ARRAY(
    SELECT ROW((p.plan ->> 'id')::uuid, s.n - 1, NULL, 'succeeded', (s.step #>> '{args,value}')::jsonb, NULL)::chancy.step_ends
      FROM jsonb_array_elements(made) AS p(plan)
     CROSS JOIN LATERAL jsonb_array_elements(p.plan -> 'steps') WITH ORDINALITY AS s(step, n)
     WHERE s.step -> 'job' = 'null' AND s.step -> 'deps' = '[]');
  IF cardinality(begins) > 0 THEN
    events := events || ARRAY(
      SELECT DISTINCT CASE f.verdict WHEN 'ready' THEN 'queue.pushed ' ELSE 'job.scheduled ' END || f.name
        FROM chancy.flow_held_1(ARRAY(SELECT DISTINCT b.owner_id FROM unnest(begins) b), NULL, begins) f
       WHERE f.verdict IN ('ready', 'scheduled'));
  END IF;
  FOR given IN SELECT p.plan FROM jsonb_array_elements(made) AS p(plan) WHERE p.plan -> 'steps' = '[]' LOOP
    PERFORM chancy.end_flow_1((given.plan ->> 'id')::uuid, chancy.clock_1());
  END LOOP;
  IF notifying AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', e) FROM (SELECT DISTINCT unnest(events) AS e) e WHERE e.e IS NOT NULL;
  END IF;
END $body$;
