-- Makes blocked jobs ready. The caller holds the locks of all keys. For each queue with blocked jobs of a key, as
-- many as fit get a position before everything that is ready, by priority and age, up to the first that does not
-- fit, or that an older ready one comes before: a job with a small max is never overtaken by its younger ones.
-- Returns the queues.
CREATE OR REPLACE FUNCTION chancy.ready_1(keys text[]) RETURNS TABLE (queue text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  held text[];
  group_queues text[];
  used int[];
BEGIN
  -- One probe for the keys with no blocked job: they are most.
  held := ARRAY(
    SELECT k.key
      FROM unnest(ready_1.keys) AS k(key)
     WHERE (SELECT true FROM chancy.jobs b
             WHERE b.blocked AND b.concurrency_key = k.key LIMIT 1));
  IF cardinality(held) = 0 THEN
    RETURN;
  END IF;

  -- The queues of each key, one probe each, however many jobs are blocked in them.
  SELECT array_agg(q.key), array_agg(q.queue), array_agg(q.used)
    INTO held, group_queues, used
    FROM (
      SELECT k.key, l.queue, c.used
        FROM unnest(held) AS k(key)
       CROSS JOIN LATERAL (
               SELECT count(*)::int AS used
                 FROM chancy.jobs r
                 JOIN chancy.concurrency_groups g ON g.key = k.key
                WHERE r.concurrency_key = k.key AND r.claim_seq >= g.scan_from) c
       CROSS JOIN LATERAL (
               WITH RECURSIVE blocked_in AS (
                 (SELECT b.queue FROM chancy.jobs b
                   WHERE b.blocked AND b.concurrency_key = k.key
                   ORDER BY b.queue LIMIT 1)
                 UNION ALL
                 SELECT (SELECT b.queue FROM chancy.jobs b
                          WHERE b.blocked AND b.concurrency_key = k.key AND b.queue > blocked_in.queue
                          ORDER BY b.queue LIMIT 1)
                   FROM blocked_in
                  WHERE blocked_in.queue IS NOT NULL
               )
               SELECT blocked_in.queue FROM blocked_in WHERE blocked_in.queue IS NOT NULL) l) q;

  RETURN QUERY
  WITH fitting AS MATERIALIZED (
    SELECT x.tid, x.rank, l.n
      FROM unnest(held, group_queues, used) WITH ORDINALITY AS l(key, queue, used, n)
     CROSS JOIN LATERAL (
             SELECT part.own_max(j) AS max, j.priority
               FROM chancy.jobs j
              WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
              ORDER BY j.priority DESC, j.seq
              LIMIT 1) head
     CROSS JOIN LATERAL (
             SELECT count(*) FILTER (WHERE bounded.position < 0)::int AS ready,
                    min(bounded.position) FILTER (WHERE bounded.position >= 0) AS next
               FROM (
                 SELECT r.position AS position
                   FROM chancy.jobs r
                  -- Those at the front: they come next. One that is still ready further back may
                  -- be far back, and if it counted, an older blocked one would wait for it. It
                  -- matters to younger ones alone, which were blocked at their push.
                  WHERE r.position IS NOT NULL AND r.claim_seq IS NULL
                    AND r.concurrency_key = l.key AND r.queue = l.queue
                    AND (r.position < 0 OR r.priority >= head.priority)
                  ORDER BY r.position
                  LIMIT head.max + 1) bounded) waiting
     CROSS JOIN LATERAL (
             SELECT b.tid, b.rank,
                    bool_and(l.used + waiting.ready + b.rank <= b.max AND b.is_next)
                      OVER (ORDER BY b.rank) AS fits
               FROM (
                 SELECT p.tid, p.max, p.is_next, row_number() OVER () AS rank
                   FROM (
                     SELECT j.ctid AS tid, part.own_max(j) AS max,
                            (waiting.next IS NULL OR waiting.next > j.seq)
                            AND CASE WHEN j.priority < head.priority
                                     THEN (SELECT true
                                             FROM chancy.jobs r
                                            WHERE r.position >= 0 AND r.position < j.seq
                                              AND r.claim_seq IS NULL
                                              AND r.concurrency_key = l.key AND r.queue = l.queue
                                              AND r.priority >= j.priority
                                            LIMIT 1) IS NULL
                                     ELSE true END AS is_next
                       FROM chancy.jobs j
                      WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                      ORDER BY j.priority DESC, j.seq
                      LIMIT greatest(head.max - l.used - waiting.ready, 0)
                        FOR NO KEY UPDATE SKIP LOCKED) p) b) x
     WHERE x.fits
     ORDER BY l.n, x.rank
  ), placed AS MATERIALIZED (
    SELECT f.tid, nextval('chancy.requeue_positions') AS position FROM fitting f
  ), ready AS (
    UPDATE chancy.jobs j
       SET blocked = false, position = p.position
      FROM placed p
     WHERE j.ctid = p.tid
    RETURNING j.queue
  )
  SELECT DISTINCT r.queue FROM ready r;
END $body$;
