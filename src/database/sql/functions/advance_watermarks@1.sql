-- Advances the watermarks of a queue for these priorities (see ENGINE.md, Watermarks); one call at a time, a
-- concurrent one leaves the row alone. Returns whether they were lowered, so that there may be jobs behind them
-- which were not seen before.
CREATE OR REPLACE FUNCTION chancy.advance_watermarks_1(wanted_queue text, wanted int[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  old chancy.scan_watermarks%ROWTYPE;
  new chancy.scan_watermarks%ROWTYPE;
  drawn_requeue bigint;
  drawn_position bigint;
  own_id bigint;
  open bigint[];
  low_requeue bigint;
  low_position bigint;
  stop_at timestamptz := chancy.clock_1() + interval '2 seconds';
  i int;
  p int;
BEGIN
  PERFORM part.read_committed_only();
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'watermarks are advanced in a transaction that has written nothing'
      USING ERRCODE = '25001';
  END IF;
  SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END
    INTO drawn_requeue FROM chancy.requeue_positions s;
  -- A whole block was drawn.
  SELECT s.last_value + CASE WHEN s.is_called THEN 255 ELSE -1 END
    INTO drawn_position FROM chancy.positions s;
  -- Taken after the positions were read: a transaction that drew one of them has an id below this. The
  -- end of a snapshot would not do, since it may lie below ids that are in use.
  own_id := pg_current_xact_id()::text::bigint;
  SELECT * INTO old FROM chancy.scan_watermarks l WHERE l.queue = wanted_queue FOR UPDATE SKIP LOCKED;
  IF old.advanced_at > chancy.clock_1() - interval '0.5 seconds' OR old.checkpoint_xid > own_id THEN
    RETURN false;
  END IF;
  new := old;
  new.checkpoint_requeue := drawn_requeue;
  new.checkpoint_position := drawn_position;
  new.checkpoint_xid := own_id;
  -- It has all open ids below the previous checkpoint: that transaction has ended, so each snapshot reaches
  -- beyond it.
  open := ARRAY(
    SELECT x.id::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x(id));
  IF old.queue IS NULL THEN
    INSERT INTO chancy.scan_watermarks (
           queue, advanced_at, checkpoint_requeue, checkpoint_position, checkpoint_xid)
    VALUES (wanted_queue, chancy.clock_1(), new.checkpoint_requeue, new.checkpoint_position,
            new.checkpoint_xid)
        ON CONFLICT DO NOTHING;
    RETURN false;
  END IF;

  SELECT min(x.requeue), min(x.position)
    INTO low_requeue, low_position
    FROM unnest(old.ignored_xids, old.ignored_requeues, old.ignored_positions) AS x(id, requeue, position)
   WHERE x.id <> ALL (open);
  IF low_position IS NOT NULL THEN
    -- Until this is done the previous watermarks are in use.
    stop_at := chancy.clock_1() + interval '20 seconds';
    new.requeue_watermarks := ARRAY(
      SELECT least(u.position, low_requeue) FROM unnest(old.requeue_watermarks) AS u(position));
    new.watermarks := ARRAY(
      SELECT least(u.position, low_position) FROM unnest(old.watermarks) AS u(position));
  END IF;
  FOREACH p IN ARRAY wanted LOOP
    i := array_position(new.priorities, p);
    IF i IS NULL THEN
      i := cardinality(new.priorities) + 1;
      new.priorities[i] := p;
      new.requeue_watermarks[i] := (-9007199254740992)::bigint;
      new.watermarks[i] := -1;
    END IF;
    new.requeue_watermarks[i] := chancy.watermark_1(
      wanted_queue, p, new.requeue_watermarks[i], old.checkpoint_requeue, stop_at);
    new.watermarks[i] := chancy.watermark_1(
      wanted_queue, p, new.watermarks[i], old.checkpoint_position, stop_at);
  END LOOP;

  SELECT coalesce(array_agg(x.id), '{}'), coalesce(array_agg(x.requeue), '{}'),
         coalesce(array_agg(x.position), '{}')
    INTO new.ignored_xids, new.ignored_requeues, new.ignored_positions
    FROM (
      SELECT o.id, coalesce(b.requeue, old.former_requeue) AS requeue,
             coalesce(b.position, old.former_position) AS position
        FROM unnest(open) AS o(id)
        LEFT JOIN LATERAL (
               SELECT u.requeue, u.position
                 FROM unnest(old.ignored_xids, old.ignored_requeues, old.ignored_positions)
                   AS u(id, requeue, position)
                WHERE u.id = o.id) b ON true
       WHERE o.id < old.checkpoint_xid) x;

  -- In the queue's order: what lies above a priority, its positions at the front, its other positions;
  -- and last what lies below all.
  SELECT array_agg(r.high ORDER BY r.n), array_agg(r.low ORDER BY r.n),
         array_agg(r.after ORDER BY r.n), array_agg(r.before ORDER BY r.n)
    INTO new.highs, new.lows, new.afters, new.befores
    FROM (
      SELECT 3 * s.n + v.k AS n, v.high, v.low, v.after, v.before
        FROM (
          SELECT u.priority::bigint AS priority, u.requeue, u.position,
                 lag(u.priority::bigint, 1, 2147483648::bigint) OVER (ORDER BY u.priority DESC) AS above,
                 row_number() OVER (ORDER BY u.priority DESC) AS n
            FROM unnest(new.priorities, new.requeue_watermarks, new.watermarks) AS u(priority, requeue, position)) s
       CROSS JOIN LATERAL (
               VALUES (0, s.above, s.priority, (-9007199254740992)::bigint, (9007199254740991)::bigint),
                      (1, s.priority, s.priority, s.requeue, 0::bigint),
                      (2, s.priority, s.priority, s.position, (9007199254740991)::bigint))
            AS v(k, high, low, after, before)
      UNION ALL
      SELECT 3 * (cardinality(new.priorities) + 1), min(u.priority)::bigint, (-2147483649)::bigint,
             (-9007199254740992)::bigint, (9007199254740991)::bigint
        FROM unnest(new.priorities) AS u(priority)) r
   WHERE r.high IS NOT NULL;

  UPDATE chancy.scan_watermarks l
     SET advanced_at = chancy.clock_1(), priorities = new.priorities,
         highs = new.highs, lows = new.lows, afters = new.afters, befores = new.befores,
         requeue_watermarks = new.requeue_watermarks, watermarks = new.watermarks,
         checkpoint_requeue = new.checkpoint_requeue, checkpoint_position = new.checkpoint_position,
         checkpoint_xid = new.checkpoint_xid,
         former_requeue = old.checkpoint_requeue, former_position = old.checkpoint_position,
         ignored_xids = new.ignored_xids, ignored_requeues = new.ignored_requeues,
         ignored_positions = new.ignored_positions
   WHERE l.queue = wanted_queue;
  RETURN low_position IS NOT NULL;
END $body$;
