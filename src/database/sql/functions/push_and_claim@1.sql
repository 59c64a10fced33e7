-- A push from a process with an idle worker: the rows are inserted and claimed in one transaction, so that a lone
-- job starts after one commit and not after two. Where nothing else is ready they are written as running;
-- otherwise jobs are claimed by the same rules as ever. The notifications are sent when a job was left.
CREATE OR REPLACE FUNCTION chancy.push_and_claim_1(
  ids uuid[], queues text[], names text[], all_args text[], priorities int[],
  most_attempts int[], extras_texts text[], payloads text[],
  wanted_queue text, worker uuid, max_jobs int, known text[], durable boolean,
  highs bigint[], lows bigint[], afters bigint[], befores bigint[])
RETURNS TABLE (
  id uuid, name text, args text, priority int, attempts int, max_attempts int, fence bigint,
  "position" bigint, created_ms float8, scheduled_ms float8, extras text, ctid tid, summary text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  block_starts bigint[];
  queue_state text;
  has_parked boolean;
  rate_max int;
  scanned int := cardinality(ids);
  claim_number bigint;
  start_at timestamptz := chancy.clock_1();
  scan_us int;
  is_taken boolean;
  watermark_highs bigint[];
  watermark_lows bigint[];
  watermark_afters bigint[];
  watermark_befores bigint[];
BEGIN
  PERFORM part.read_committed_only();
  IF highs IS NULL AND extras_texts IS NULL AND scanned < max_jobs THEN
    SELECT CASE WHEN (SELECT true FROM chancy.workers w WHERE w.id = worker AND w.revoked_at IS NULL)
                THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
           q.rate_max,
           (SELECT true FROM chancy.jobs j WHERE j.parked AND j.queue = wanted_queue LIMIT 1),
           f.highs, f.lows, f.afters, f.befores,
           CASE WHEN f.highs IS NULL THEN (SELECT true FROM part.full_scan(1) l) END
      INTO queue_state, rate_max, has_parked,
           watermark_highs, watermark_lows, watermark_afters, watermark_befores, is_taken
      FROM (VALUES (1)) AS one(row)
      LEFT JOIN LATERAL part.queue_now() q ON true
      LEFT JOIN LATERAL part.watermarks_now() f ON true;
    IF queue_state = 'active' AND rate_max IS NULL AND has_parked IS NULL THEN
      IF watermark_highs IS NOT NULL THEN
        highs := watermark_highs;
        lows := watermark_lows;
        afters := watermark_afters;
        befores := watermark_befores;
        is_taken := (SELECT true FROM part.range_scan(1) l);
      END IF;
      scan_us := least(date_part('epoch', chancy.clock_1() - start_at) * 1000000, 2000000000)::int;
      IF is_taken IS NULL THEN
        claim_number := nextval('chancy.claim_numbers');
        INSERT INTO chancy.claims (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
        PERFORM part.draw_positions(scanned);
        start_at := chancy.clock_1();
        PERFORM part.summary(0);
        RETURN QUERY
        INSERT INTO chancy.jobs AS j (
               id, queue, name, args, priority, max_attempts, seq, position, state, worker_id, started_at,
               attempts, fence)
        SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.position, g.position,
               'running', worker, start_at, 1, 1
          FROM (
            SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, part.position_of(r.n) AS position
              FROM unnest(ids, queues, names, all_args, priorities, most_attempts) WITH ORDINALITY
                AS r(id, queue, name, args, priority, max_attempts, n)) g
        RETURNING part.claimed_values(j), NULL::text;
        RETURN;
      END IF;
      -- The claim scans the whole queue, and begins at the watermarks by itself.
      highs := NULL;
    END IF;
  END IF;
  PERFORM chancy.push_1(
    ids, queues, names, all_args, priorities, most_attempts, NULL, NULL, NULL, extras_texts, false, 0, NULL);
  RETURN QUERY
  SELECT c.* FROM chancy.claim_1(
    wanted_queue, worker, max_jobs, known, durable, highs, lows, afters, befores) c;
  IF payloads IS NOT NULL AND part.notify_room() AND EXISTS (
       SELECT 1 FROM chancy.jobs j
        WHERE j.id = ANY (ids) AND j.state <> 'running') THEN
    PERFORM pg_notify('chancy_chancy', p) FROM unnest(payloads) AS p;
  END IF;
END $body$;
