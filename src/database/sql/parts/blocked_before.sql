-- part.blocked_before(group_key, group_queue, group_priority, group_max, upper): the same of blocked jobs.
(
  SELECT count(*)
    FROM (SELECT 1
            FROM chancy.jobs j
           WHERE j.concurrency_key = group_key AND j.blocked
             AND j.queue = group_queue AND j.priority = group_priority
             AND j.seq > upper - 512 * (group_max + 32)::bigint
           ORDER BY j.seq DESC
           LIMIT part.surplus_from(group_max)) c)
