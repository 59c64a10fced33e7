-- part.full_scan(most): the first rows of the queue's order, locked, `most` at most.
(
  SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority, j.position
    FROM chancy.jobs j
   WHERE j.queue = wanted_queue AND part.is_ready(j)
   ORDER BY j.priority DESC, j.position
   LIMIT most
     FOR NO KEY UPDATE SKIP LOCKED)
