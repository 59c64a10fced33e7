-- part.range_scan(most): the same, read in ranges. One with high = low is a priority between two
-- positions: nothing before its first position is read, where dead tuples may pile up. Any other is a gap
-- between such priorities, and is read whole. The ranges come in the queue's order; those behind the last
-- that is needed are not read.
(
  SELECT r.*
    FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
   CROSS JOIN LATERAL (
     SELECT one.*
       FROM (
         SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                j.position
           FROM chancy.jobs j
          WHERE g.high = g.low AND j.queue = wanted_queue AND part.is_ready(j) AND j.priority = g.high
            AND j.position > g.after AND j.position < g.before
          ORDER BY j.priority DESC, j.position
          LIMIT most
            FOR NO KEY UPDATE SKIP LOCKED) one
     UNION ALL
     SELECT gap.*
       FROM (
         SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                j.position
           FROM chancy.jobs j
          WHERE g.high <> g.low AND j.queue = wanted_queue AND part.is_ready(j)
            AND j.priority < g.high AND j.priority > g.low
          ORDER BY j.priority DESC, j.position
          LIMIT most
            FOR NO KEY UPDATE SKIP LOCKED) gap) r
   LIMIT most)
