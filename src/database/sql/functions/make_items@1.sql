-- Makes jobs of items of a map that has begun, ready to run, from the item `after` on, and `room` at most. The caller
-- holds the lock of the owner. Returns how many it made, and the queue.
CREATE OR REPLACE FUNCTION chancy.make_items_1(
  owner uuid, map int, after int, room int, OUT made int, OUT job_queue text, OUT error jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_variable
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  at timestamptz := chancy.clock_1();
  s chancy.steps;
  block_starts bigint[];
  job jsonb;
  base int;
  over jsonb;
  items jsonb;
  holes jsonb;
  template jsonb;
  delay_ms float8;
BEGIN
  SELECT * INTO s FROM chancy.steps t WHERE t.owner_id = owner AND t.n = map;
  job := s.spec -> 'job_row';
  job_queue := job ->> 'queue';
  base := (s.spec ->> 'base')::int;
  over := s.spec #> '{map,over}';
  holes := coalesce(s.spec -> 'holes', '[]');
  delay_ms := coalesce((s.spec ->> 'delay_ms')::float8, 0);
  made := 0;
  BEGIN
    items := chancy.output_1(owner, (over ->> 'step')::int, ARRAY(SELECT jsonb_array_elements_text(over -> 'path')));
    made := least(jsonb_array_length(items) - after, room);
    -- What is the same for all of them is filled once.
    template := chancy.filled_1(owner, s.spec -> 'args', holes, 'steps');
    PERFORM part.draw_positions(made);
    WITH fresh AS MATERIALIZED (
      SELECT i.item, i.k, chancy.new_id() AS id,
             chancy.filled_1(owner, template, holes, 'item', i.item, (after + i.k - 1)::int) AS args
        FROM (SELECT e.item, row_number() OVER () AS k
                FROM jsonb_array_elements(items) WITH ORDINALITY AS e(item, n)
               WHERE e.n > after
               LIMIT made) i
    ), steps AS (
      INSERT INTO chancy.steps (owner_id, n, of_map, item, may_fail, state, job_id, dependents)
      SELECT owner, base + after + f.k - 1, map, after + f.k - 1, s.may_fail, 'open', f.id, ARRAY[map]
        FROM fresh f
    )
    INSERT INTO chancy.jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, limits, backoff,
           retention, meta, concurrency_key, concurrency_max, owner_id, owner_step)
    SELECT f.id, job_queue, job ->> 'name', f.args, (job ->> 'priority')::int, (job ->> 'max_attempts')::int,
           at + make_interval(secs => delay_ms / 1000),
           CASE WHEN delay_ms > 0 THEN at + make_interval(secs => delay_ms / 1000) END,
           CASE WHEN delay_ms > 0 THEN NULL ELSE part.position_of(f.k) END,
           CASE WHEN delay_ms > 0 THEN NULL ELSE part.position_of(f.k) END,
           job #> '{extras,limits}', job #> '{extras,backoff}',
           make_interval(secs => (job #>> '{extras,retention_ms}')::float8 / 1000), job #> '{extras,meta}',
           CASE WHEN s.spec #>> '{map,concurrency}' IS NOT NULL THEN 'map:' || owner || ':' || map
                WHEN s.spec ? 'group_by' THEN chancy.group_key_1(job ->> 'name', s.spec ->> 'group_by', f.args)
                ELSE job #>> '{extras,concurrency_key}' END,
           coalesce((s.spec #>> '{map,concurrency}')::int, (job #>> '{extras,concurrency_max}')::int),
           owner, base + after + f.k - 1
      FROM fresh f
     -- In the order of the items, since their positions are.
     ORDER BY f.k;
  EXCEPTION
    WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
      made := 0;
      error := jsonb_build_object('kind', 'input', 'message', SQLERRM);
  END;
END $body$;
