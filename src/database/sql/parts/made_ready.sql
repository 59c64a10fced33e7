-- part.made_ready(is_of_group): jobs that were blocked until a moment ago, after the snapshot of the scan, or that
-- another claim is about to take. They are at the front of the queue, whatever their age: an older job may have been
-- blocked later. Few: no more are made ready than fit. The queue is compared outside, or the planner reads the whole
-- queue by jobs_claim instead of the groups by jobs_group_ready.
(
SELECT f.priority, f.seq
  FROM (
    SELECT j.ctid AS tid, j.queue, j.priority, j.seq
      FROM chancy.jobs j
     WHERE is_of_group AND j.position < 0 AND j.claim_seq IS NULL
    OFFSET 0) f
 WHERE f.queue = wanted_queue AND f.tid <> ALL (candidates))
