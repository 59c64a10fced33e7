-- part.still_runs: whether the job of i.id runs under the claim c. By its id alone: no plan may begin elsewhere.
EXISTS (
  SELECT 1
    FROM (SELECT k.state, k.worker_id FROM chancy.jobs k WHERE k.id = i.id OFFSET 0) j
   WHERE j.state = 'running' AND j.worker_id = c.worker_id)
