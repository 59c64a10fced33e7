-- Which rows of a push are surplus; null when none is. `first_position`: the first position of the batch. Groups
-- are distinguished by the texts of `extras_texts`, which are equal for the jobs of one group.
--
-- A job behind many others of its group, in a queue that they fill, is blocked at its push, before any claim
-- scans it. This is a hint: it reads what is there and locks nothing, so it may be wrong either way. A job that
-- is not blocked here is blocked by a claim, and one that should not have been is found by the sweep. A group is
-- examined when it makes up at least an eighth of the batch.
CREATE OR REPLACE FUNCTION chancy.surplus_1(
  queues text[], priorities int[], extras_texts text[], scheduled_ms float8[], delays_ms float8[],
  first_position bigint)
RETURNS boolean[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  group_extras jsonb;
  group_key text;
  group_queue text;
  group_priority int;
  group_max int;
  group_rows int;
  waiting bigint;
  full_groups text[];
  full_queues text[];
  full_priorities int[];
  ranks bigint[];
  is_surplus boolean[];
BEGIN
  -- One group, as the push of a lone job: two short statements at most.
  IF scheduled_ms IS NULL AND delays_ms IS NULL AND extras_texts[1] = ALL (extras_texts)
     AND queues[1] = ALL (queues) AND priorities[1] = ALL (priorities) THEN
    group_extras := extras_texts[1];
    group_key := group_extras ->> 'concurrency_key';
    IF group_key IS NULL THEN
      -- A meta may have a key of that name. A job without a group would stay blocked: no group makes it ready.
      RETURN NULL;
    END IF;
    group_queue := queues[1];
    group_priority := priorities[1];
    group_max := greatest((group_extras ->> 'concurrency_max')::int, 1);
    group_rows := cardinality(extras_texts);
    waiting := part.ready_before(group_key, group_queue, group_priority, group_max, surplus_1.first_position);
    IF waiting + group_rows <= part.surplus_from(group_max) THEN
      waiting := waiting + part.blocked_before(
        group_key, group_queue, group_priority, group_max, surplus_1.first_position);
    END IF;
    IF waiting + group_rows <= part.surplus_from(group_max) OR NOT part.is_full(group_key, group_max) THEN
      RETURN NULL;
    END IF;
    RETURN ARRAY(
      SELECT waiting + n > part.surplus_from(group_max) FROM generate_series(1, group_rows) AS n);
  END IF;
  -- In a large batch a group of that part is met several times in a sample.
  IF cardinality(extras_texts) > 256
     AND (SELECT max(c.rows)
            FROM (SELECT count(*) AS rows
                    FROM unnest(extras_texts) WITH ORDINALITY AS r(extras, n)
                   WHERE r.n * 7919 % 1021 * cardinality(extras_texts) < 65344
                   GROUP BY r.extras) c) < 4 THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(x.extras), array_agg(x.queue), array_agg(x.priority), array_agg(x.rank)
    INTO full_groups, full_queues, full_priorities, ranks
    FROM (
      SELECT g.extras, g.queue, g.priority, part.surplus_from(g.max) - w.waiting AS rank
        FROM (
          SELECT r.extras, r.queue, r.priority, r.extras::jsonb ->> 'concurrency_key' AS key,
                 greatest((r.extras::jsonb ->> 'concurrency_max')::int, 1) AS max, count(*) AS rows
            FROM unnest(extras_texts, queues, priorities, scheduled_ms, delays_ms)
              AS r(extras, queue, priority, scheduled_ms, delay_ms)
           WHERE r.extras LIKE '%"concurrency_key"%'
             AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL
           GROUP BY r.extras, r.queue, r.priority
          HAVING count(*) * 8 >= cardinality(extras_texts)
          OFFSET 0) g
       CROSS JOIN LATERAL part.waiting_before(first_position) w
       WHERE w.waiting + g.rows > part.surplus_from(g.max)
         AND g.key IS NOT NULL) x;
  IF full_groups IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(coalesce(s.rank > ranks[s.g], false) ORDER BY s.n)
    INTO is_surplus
    FROM (
      SELECT u.n, u.g, row_number() OVER (PARTITION BY u.g ORDER BY u.n) AS rank
        FROM (
          SELECT r.n,
                 (SELECT a.g
                    FROM unnest(full_groups, full_queues, full_priorities) WITH ORDINALITY
                      AS a(extras, queue, priority, g)
                   WHERE a.extras = r.extras AND a.queue = r.queue AND a.priority = r.priority
                     AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL) AS g
            FROM unnest(extras_texts, queues, priorities, scheduled_ms, delays_ms) WITH ORDINALITY
              AS r(extras, queue, priority, scheduled_ms, delay_ms, n)) u) s;
  RETURN is_surplus;
END $body$;
