-- part.parked_and_ready(ready_rows): the parked rows whose names the worker knows, and those of `ready_rows`, in
-- one order.
(
  SELECT merged.tid, merged.id, merged.is_limited, merged.name, merged.priority, merged.position
    FROM (
      SELECT a.*, 0 AS source
        FROM unnest(names) AS n(name),
             LATERAL (
               SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name,
                      j.priority, j.seq AS position
                 FROM chancy.jobs j
                WHERE j.parked AND j.queue = wanted_queue AND j.name = n.name
                ORDER BY j.priority DESC, j.seq
                LIMIT max_jobs
                  FOR NO KEY UPDATE SKIP LOCKED) a
      UNION ALL
      SELECT l.*, 1
        FROM ready_rows l
    ) merged
   ORDER BY merged.priority DESC, merged.source, merged.position
   LIMIT max_jobs)
