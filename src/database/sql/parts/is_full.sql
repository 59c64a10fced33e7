-- part.is_full(group_key, group_max): whether a group has no slot left. Up to a max of 20 it counts as full whenever
-- many of it wait. Above it, the slots of the workers may be what limits it, and blocking its jobs would
-- cost each of them a write: it must be full by then.
(group_max <= 20 OR group_max <= (
  SELECT count(*)
    FROM (SELECT 1
            FROM chancy.jobs j
           WHERE j.concurrency_key = group_key
             AND j.claim_seq >= (SELECT h.scan_from FROM chancy.concurrency_groups h WHERE h.key = group_key)
           ORDER BY j.claim_seq
           LIMIT group_max) c))
