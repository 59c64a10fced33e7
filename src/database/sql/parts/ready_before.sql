-- part.ready_before(group_key, group_queue, group_priority, group_max, upper): how many jobs of a group are in the
-- queue's order not far before the position `upper`, counted as far as they matter. Not far: as many pushes back
-- as count, each of which draws a block of 256, twice over. Jobs further apart do not fill the queue, and dead
-- tuples end no count.
(
  SELECT count(*)
    FROM (SELECT 1
            FROM chancy.jobs j
           WHERE j.concurrency_key = group_key AND j.position IS NOT NULL AND j.claim_seq IS NULL
             AND j.queue = group_queue AND j.priority = group_priority
             AND j.position > upper - 512 * (group_max + 32)::bigint
           ORDER BY j.position DESC
           LIMIT part.surplus_from(group_max)) c)
