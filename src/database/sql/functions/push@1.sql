-- Inserts a batch. It returns only the rows that have a unique key and were not inserted: which row stands in the
-- way. `again` is for a batch whose first answer was lost; `block_starts` are positions that this transaction has
-- drawn for it. In a batch that has nothing but ids, queues, names, args, priorities and max_attempts, and is not tried
-- `again`, an array of one element holds the value of every row: most batches are uniform in all but ids and args.
CREATE OR REPLACE FUNCTION chancy.push_1(
  ids uuid[], queues text[], names text[], args text[], priorities int[], max_attempts int[],
  scheduled_ms float8[], delays_ms float8[], unique_keys text[], extras_texts text[],
  again boolean, lock_ms int, payloads text[], block_starts bigint[] DEFAULT NULL)
RETURNS TABLE (pushed text, holder text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  made uuid[];
  past uuid[];
  surplus boolean[];
BEGIN
  IF block_starts IS NULL THEN
    PERFORM part.draw_positions(cardinality(ids));
  END IF;
  IF again THEN
    -- What is deleted below must be looked up in a snapshot of its own.
    PERFORM part.read_committed_only();
  END IF;
  IF lock_ms > 0 THEN
    PERFORM set_config('lock_timeout', lock_ms::text, true);
  END IF;

  IF extras_texts IS NOT NULL AND strpos(array_to_string(extras_texts, ''), '"concurrency_key"') > 0 THEN
    surplus := chancy.surplus_1(queues, priorities, extras_texts, scheduled_ms, delays_ms, block_starts[1]);
  END IF;

  IF unique_keys IS NULL AND NOT again THEN
    -- Only the id can conflict, and it is new: no row is checked. A producer that came upon the id of
    -- another gets an error.
    IF scheduled_ms IS NULL AND delays_ms IS NULL AND extras_texts IS NULL THEN
      INSERT INTO chancy.jobs (id, queue, name, args, priority, max_attempts, seq, position)
      SELECT g.id,
             CASE WHEN cardinality(queues) = 1 THEN queues[1] ELSE g.queue END,
             CASE WHEN cardinality(names) = 1 THEN names[1] ELSE g.name END,
             g.args::jsonb,
             CASE WHEN cardinality(priorities) = 1 THEN priorities[1] ELSE g.priority END,
             CASE WHEN cardinality(push_1.max_attempts) = 1 THEN push_1.max_attempts[1] ELSE g.max_attempts END,
             g.position, g.position
        FROM (
          SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, part.position_of(r.n) AS position
            FROM unnest(ids, queues, names, args, priorities, max_attempts) WITH ORDINALITY
              AS r(id, queue, name, args, priority, max_attempts, n)) g;
    ELSE
      INSERT INTO chancy.jobs (
             id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
             unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
      SELECT part.pushed_values(g)
        FROM part.pushed_rows() g;
    END IF;
  ELSIF unique_keys IS NULL THEN
    -- What conflicts was written by the first try.
    INSERT INTO chancy.jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
           unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
    SELECT part.pushed_values(g)
      FROM part.pushed_rows() g
        ON CONFLICT DO NOTHING;
  ELSE
    -- Sorted, so that two batches meet at their common keys in one order: unsorted they deadlock.
    -- Of two rows with one key the first of the call is kept: a producer's ids rise.
    WITH put AS (
      INSERT INTO chancy.jobs (
             id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
             unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
      SELECT part.pushed_values(g)
        FROM part.pushed_rows() g
       ORDER BY g.unique_key, g.id ON CONFLICT DO NOTHING
      RETURNING id
    )
    SELECT array_agg(put.id) INTO made FROM put;
  END IF;

  IF again THEN
    -- The first try may have committed, run and moved meanwhile; then the id no longer conflicts.
    -- In a later statement than the insert: inside it, one row still slipped through while the
    -- move was committing.
    past := ARRAY(SELECT chancy.moved_1(ids));
    -- An empty array implies the predicate of every partial index: one would be read whole.
    IF cardinality(past) > 0 THEN
      DELETE FROM chancy.jobs j WHERE j.id = ANY (past);
    END IF;
  END IF;

  IF payloads IS NOT NULL AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', p) FROM unnest(payloads) AS p;
  END IF;

  IF unique_keys IS NOT NULL AND coalesce(cardinality(made), 0) < cardinality(ids) THEN
    RETURN QUERY
    SELECT m.id::text,
           coalesce(same.id, CASE WHEN m.id = ANY (past) THEN m.id END, other.id)::text
      FROM unnest(ids, unique_keys) AS m(id, unique_key)
      LEFT JOIN LATERAL (SELECT j.id FROM chancy.jobs j WHERE j.id = m.id) same ON true
      LEFT JOIN LATERAL (
        SELECT j.id FROM chancy.jobs j WHERE j.unique_key = m.unique_key) other ON true
     WHERE again OR m.id <> ALL (coalesce(made, '{}'));
  END IF;
END $body$;
