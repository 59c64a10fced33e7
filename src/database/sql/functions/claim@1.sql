-- Takes up to `max_jobs` jobs of a queue for a worker. The first row holds nothing but a `summary`, as JSON, which is
-- null in the rows of the jobs:
--
-- - queue_state: that of the queue ('active', 'paused', 'undeclared'), or 'revoked' when the worker's lease is gone;
-- - claim_seq: the number of the claim, when it took something, and started_ms: when its jobs started;
-- - scanned: how many rows were scanned, and requested: how many could have been taken;
-- - wait_ms: for a queue with a rate limit and no start left, how long until the next, in milliseconds, otherwise 0;
-- - scan_us: how long a full scan took, in microseconds.
--
-- Without `highs` the whole queue is scanned, from its watermarks on, and with them the ranges they name. Rows whose
-- name the worker does not know are parked, where they cost no other claim anything; every claim also looks up the
-- names its worker knows among the parked rows.
CREATE OR REPLACE FUNCTION chancy.claim_1(
  wanted_queue text, worker uuid, max_jobs int, names text[], durable boolean,
  highs bigint[] DEFAULT NULL, lows bigint[] DEFAULT NULL, afters bigint[] DEFAULT NULL,
  befores bigint[] DEFAULT NULL)
RETURNS TABLE (
  id uuid, name text, args text, priority int, attempts int, max_attempts int, fence bigint,
  "position" bigint, created_ms float8, scheduled_ms float8, extras text, ctid tid, summary text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  queue_state text;
  has_parked boolean;
  is_full_scan boolean := highs IS NULL;
  rate_max int;
  rate_per interval;
  starts int;
  next_start timestamptz;
  candidates tid[];
  ids uuid[];
  unknown_tids tid[];
  surplus tid[];
  of_full tid[];
  scanned int := 0;
  is_limited boolean;
  all_fit boolean;
  any_blocked boolean;
  any_front boolean;
  is_low boolean;
  keys text[];
  front_keys text[];
  locked text[];
  lows_held bigint[];
  used int[];
  oldest bigint[];
  head_priorities int[];
  head_seqs bigint[];
  claim_number bigint;
  start_at timestamptz;
  scan_us int := 0;
  watermark_highs bigint[];
  watermark_lows bigint[];
  watermark_afters bigint[];
  watermark_befores bigint[];
BEGIN
  PERFORM part.read_committed_only();
  SELECT CASE WHEN (SELECT true FROM chancy.workers w WHERE w.id = worker AND w.revoked_at IS NULL)
              THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
         q.rate_max, q.rate_per,
         (SELECT true FROM chancy.jobs j WHERE j.parked AND j.queue = wanted_queue LIMIT 1),
         f.highs, f.lows, f.afters, f.befores
    INTO queue_state, rate_max, rate_per, has_parked,
         watermark_highs, watermark_lows, watermark_afters, watermark_befores
    FROM (VALUES (1)) AS one(row)
    LEFT JOIN LATERAL part.queue_now() q ON true
    LEFT JOIN LATERAL part.watermarks_now() f ON true;
  IF queue_state <> 'active' THEN
    PERFORM part.summary(0);
    RETURN;
  END IF;
  IF NOT durable THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;

  start_at := chancy.clock_1();
  IF rate_max IS NOT NULL THEN
    -- The lock first; the limit, the clock and the count in later statements: each may have changed
    -- during the wait, and the time of the transaction is as old as that.
    PERFORM 1 FROM chancy.queues q WHERE q.name = wanted_queue FOR NO KEY UPDATE;
    SELECT q.state, q.rate_max, q.rate_per
      INTO queue_state, rate_max, rate_per
      FROM part.queue_now() q;
    IF queue_state IS DISTINCT FROM 'active' THEN
      queue_state := coalesce(queue_state, 'undeclared');
      PERFORM part.summary(0);
      RETURN;
    END IF;
  END IF;
  IF rate_max IS NOT NULL THEN
    start_at := chancy.clock_1();
    DELETE FROM chancy.rate_starts s WHERE s.queue = wanted_queue AND s.at <= start_at - rate_per;
    SELECT count(*) INTO starts FROM chancy.rate_starts s WHERE s.queue = wanted_queue;
    max_jobs := least(max_jobs, rate_max - starts);
    IF max_jobs <= 0 THEN
      -- The window is free again when enough of its starts have left it for one more to fit.
      SELECT s.at + rate_per INTO next_start
        FROM chancy.rate_starts s
       WHERE s.queue = wanted_queue
       ORDER BY s.at
      OFFSET greatest(starts - rate_max, 0)
       LIMIT 1;
      max_jobs := 0;
      PERFORM part.summary(CASE WHEN next_start IS NULL THEN 1000
                   ELSE greatest(date_part('epoch', next_start - start_at) * 1000, 1) END);
      RETURN;
    END IF;
  END IF;

  IF is_full_scan THEN
    highs := watermark_highs;
    lows := watermark_lows;
    afters := watermark_afters;
    befores := watermark_befores;
  END IF;
  IF has_parked THEN
    -- Both arms are bounded by the limit; what is locked here and not taken is released at the end
    -- of this transaction.
    IF highs IS NULL THEN
      PERFORM part.find_candidates(part.parked_and_ready(part.full_scan(max_jobs)));
    ELSE
      PERFORM part.find_candidates(part.parked_and_ready(part.range_scan(max_jobs)));
    END IF;
  ELSIF highs IS NULL THEN
    PERFORM part.find_candidates(part.full_scan(max_jobs));
  ELSE
    PERFORM part.find_candidates(part.range_scan(max_jobs));
  END IF;
  IF is_full_scan THEN
    scan_us := least(date_part('epoch', chancy.clock_1() - start_at) * 1000000, 2000000000)::int;
  END IF;
  IF unknown_tids IS NOT NULL THEN
    UPDATE chancy.jobs j SET parked = true, position = NULL WHERE j.ctid = ANY (unknown_tids);
    UPDATE chancy.jobs j
       SET parked = true, position = NULL
     WHERE j.ctid = ANY (ARRAY(
             SELECT k.ctid
               FROM chancy.jobs k
              WHERE k.ctid = ANY (ARRAY(
                      SELECT h.tid
                        FROM (
                          SELECT j.ctid AS tid, j.name
                            FROM chancy.jobs j
                           WHERE j.queue = wanted_queue AND part.is_ready(j)
                           ORDER BY j.priority DESC, j.position
                           LIMIT 5000) h
                       WHERE h.name <> ALL (names)))
                AND part.is_ready(k)
                FOR NO KEY UPDATE SKIP LOCKED));
  END IF;
  IF candidates IS NULL THEN
    PERFORM part.summary(0);
    RETURN;
  END IF;

  IF is_limited THEN
    -- And the keys of which an older job may be at the front of the queue, where it was made ready. A
    -- job that was made ready itself can pass one only where several of its group may run.
    SELECT array_agg(k.key), array_agg(k.key) FILTER (WHERE k.can_pass)
      INTO keys, front_keys
      FROM (
        SELECT j.concurrency_key AS key,
               bool_or(j.concurrency_max > 1 OR coalesce(j.position, 0) >= 0) AS can_pass
          FROM chancy.jobs j
         WHERE j.ctid = ANY (candidates) AND j.concurrency_key IS NOT NULL
         GROUP BY j.concurrency_key
         ORDER BY j.concurrency_key) k;
    -- Missing groups are made before any is locked, in one order; then all are locked, in one
    -- order. One that the sweep removed in between is missing here: everything is released, and the
    -- claim begins again.
    IF (SELECT count(*) FROM chancy.concurrency_groups g WHERE g.key = ANY (keys))
       < cardinality(keys) THEN
      PERFORM part.make_missing_groups();
    END IF;
    SELECT array_agg(l.key), array_agg(l.scan_from)
      INTO locked, lows_held
      FROM (
        SELECT g.key, g.scan_from
          FROM chancy.concurrency_groups g
         WHERE g.key = ANY (keys)
         ORDER BY g.key
           FOR NO KEY UPDATE) l;
    IF cardinality(locked) IS DISTINCT FROM cardinality(keys) THEN
      RAISE EXCEPTION 'a group was swept away while it was claimed from' USING ERRCODE = 'CH002';
    END IF;
    claim_number := nextval('chancy.claim_numbers');

    -- Later statements than the lock: they see what its last holder did. One probe for all keys says
    -- whether a job of any is blocked, or was made ready meanwhile: a probe of each key costs more
    -- than the rest, and most claims find neither.
    any_blocked := (SELECT true
                      FROM chancy.jobs j
                     WHERE j.blocked AND j.concurrency_key = ANY (keys) AND j.queue = wanted_queue
                     LIMIT 1);
    any_front := (SELECT true FROM part.made_ready(j.concurrency_key = ANY (front_keys)) j LIMIT 1);
    SELECT array_agg(c.used), array_agg(c.oldest), array_agg(c.priority), array_agg(c.seq),
           bool_or(coalesce(c.oldest, claim_number) - c.low > 1000),
           cardinality(keys) = cardinality(candidates) AND bool_and(c.used = 0 AND c.seq IS NULL)
      INTO used, oldest, head_priorities, head_seqs, is_low, all_fit
      FROM (
        SELECT k.low, r.used, r.oldest, b.priority, b.seq
          FROM unnest(keys, lows_held) WITH ORDINALITY AS k(key, low, n)
         CROSS JOIN LATERAL (
                 SELECT count(*)::int AS used, min(j.claim_seq) AS oldest
                   FROM chancy.jobs j
                  WHERE j.concurrency_key = k.key AND j.claim_seq >= k.low) r
          LEFT JOIN LATERAL (
                 SELECT j.priority, j.seq
                   FROM chancy.jobs j
                  WHERE any_blocked AND j.blocked AND j.concurrency_key = k.key
                    AND j.queue = wanted_queue
                  ORDER BY j.priority DESC, j.seq
                  LIMIT 1) b ON true
         ORDER BY k.n) c;
    IF any_front THEN
      -- The head of a group is the older of the first one that is blocked and the first one that was.
      all_fit := false;
      SELECT array_agg(CASE WHEN c.is_later THEN c.priority ELSE c.front_priority END ORDER BY c.n),
             array_agg(CASE WHEN c.is_later THEN c.seq ELSE c.front_seq END ORDER BY c.n)
        INTO head_priorities, head_seqs
        FROM (
          SELECT k.n, k.priority, k.seq, m.priority AS front_priority, m.seq AS front_seq,
                 m.seq IS NULL
                 OR coalesce(k.priority > m.priority
                             OR k.priority = m.priority AND k.seq < m.seq, false) AS is_later
            FROM unnest(keys, head_priorities, head_seqs) WITH ORDINALITY AS k(key, priority, seq, n)
            LEFT JOIN LATERAL (
                   SELECT j.priority, j.seq
                     FROM part.made_ready(j.concurrency_key = k.key) j
                    WHERE k.key = ANY (front_keys)
                    ORDER BY j.priority DESC, j.seq
                    LIMIT 1) m ON true) c;
    END IF;

    -- One job of each group, and none runs or waits in any: most claims are like that.
    IF NOT all_fit THEN
      -- In each group by priority and age, up to the first that does not fit; and none before an
      -- older one that is blocked, or was.
      SELECT array_agg(f.tid) FILTER (WHERE f.fits), array_agg(f.id) FILTER (WHERE f.fits),
             array_agg(f.tid) FILTER (WHERE NOT f.fits),
             array_agg(f.tid) FILTER (WHERE f.is_full)
        INTO candidates, ids, surplus, of_full
        FROM (
          SELECT c.tid, c.id, used[c.g] >= c.own_max AS is_full,
                 c.key IS NULL OR bool_and(
                   used[c.g] + c.rank <= c.own_max
                   AND (head_seqs[c.g] IS NULL OR head_priorities[c.g] < c.priority
                        OR (head_priorities[c.g] = c.priority AND head_seqs[c.g] > c.seq)))
                   OVER (PARTITION BY c.g ORDER BY c.rank) AS fits
            FROM (
              SELECT j.ctid AS tid, j.id, j.concurrency_key AS key, part.own_max(j) AS own_max, j.priority, j.seq,
                     dense_rank() OVER (ORDER BY j.concurrency_key) AS g,
                     row_number() OVER (PARTITION BY j.concurrency_key
                                            ORDER BY j.priority DESC, j.seq) AS rank
                FROM chancy.jobs j
               WHERE j.ctid = ANY (candidates)) c) f;
      IF candidates IS NULL AND of_full IS NOT NULL THEN
        surplus := surplus || ARRAY(
          SELECT s.tid
            FROM (
              SELECT DISTINCT ON (j.concurrency_key) j.concurrency_key AS key, j.priority, j.seq
                FROM chancy.jobs j
               WHERE j.ctid = ANY (of_full)
               ORDER BY j.concurrency_key, j.priority DESC, j.seq) f
           CROSS JOIN LATERAL (
                   SELECT j.ctid AS tid
                     FROM chancy.jobs j
                    WHERE j.position >= 0 AND j.claim_seq IS NULL AND j.concurrency_key = f.key
                      AND j.queue = wanted_queue
                      AND (j.priority < f.priority OR j.priority = f.priority AND j.seq > f.seq)
                      AND j.ctid <> ALL (surplus)
                    ORDER BY j.position
                    LIMIT 2000
                      FOR NO KEY UPDATE SKIP LOCKED) s
           LIMIT 2000);
      END IF;
      IF surplus IS NOT NULL THEN
        UPDATE chancy.jobs j
           SET blocked = true, position = NULL, parked = false
         WHERE j.ctid = ANY (surplus);
      END IF;
    END IF;
    -- A bound for the count, moved rarely: under a long-running transaction the index keeps every
    -- job that ran in the group since.
    IF is_low THEN
      UPDATE chancy.concurrency_groups g
         SET scan_from = k.low
        FROM (SELECT u.key, coalesce(u.oldest, claim_number) AS low, u.was
                FROM unnest(keys, oldest, lows_held) AS u(key, oldest, was)) k
       WHERE g.key = k.key AND k.low - k.was > 1000;
    END IF;
    IF candidates IS NULL THEN
      PERFORM part.summary(0);
      RETURN;
    END IF;
  ELSE
    claim_number := nextval('chancy.claim_numbers');
  END IF;

  INSERT INTO chancy.claims (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
  IF rate_max IS NULL THEN
    start_at := chancy.clock_1();
  ELSE
    INSERT INTO chancy.rate_starts (queue, at)
    SELECT wanted_queue, start_at FROM generate_series(1, cardinality(candidates));
  END IF;
  PERFORM part.summary(0);
  RETURN QUERY
  UPDATE chancy.jobs j
     SET state = 'running', worker_id = worker, started_at = start_at,
         -- Bounded, since one row that overflows would fail the claim of all, again and again.
         attempts = least(j.attempts, 2147483646) + 1,
         fence = least(j.fence, 9007199254740990) + 1,
         -- No change in an ordinary job: what an index knows of it stays as it is. One that has a
         -- limit leaves the index of the queue's order, and one that was parked gets the first position
         -- of all, which moves no bound.
         claim_seq = CASE WHEN j.concurrency_key IS NOT NULL THEN claim_number END,
         parked = false, position = coalesce(j.position, -9007199254740991)
   WHERE j.ctid = ANY (candidates)
  RETURNING part.claimed_values(j), NULL::text;
END $body$;
