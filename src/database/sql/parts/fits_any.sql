-- part.fits_any(j): whether a job fits what a filter says of both tables. Reads the record f of find_jobs, whose fields
-- are null where the filter says nothing: they are constants of the plan, which has the other conditions alone. Ranges
-- of numbers are bounds in their order: an odd number of them is at most as great as a value that lies in one.
(f.states IS NULL OR j.state = ANY (f.states))
AND (f.queues IS NULL OR j.queue = ANY (f.queues))
AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
AND (f.id_lows IS NULL OR EXISTS (
      SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
AND (f.not_id_lows IS NULL OR NOT EXISTS (
      SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
AND (f.scheduled IS NULL
     OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
AND (f.started IS NULL
     OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
AND (f.wait IS NULL
     OR coalesce(width_bucket((date_part('epoch', j.started_at)
                               - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                 f.wait_null))
AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
AND (f.args IS NULL OR j.args @@ f.args)
AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
