-- part.is_ours: the guard of a finish. The row is this job, held by this worker under this fence, and still
-- running. IS TRUE keeps the condition from offering an index: rows are looked up by their ctid.
(j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
