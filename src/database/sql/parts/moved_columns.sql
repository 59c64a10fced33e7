-- part.moved_columns(j): the columns that a job takes with it from jobs into finished_jobs and back.
j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
j.concurrency_key, j.limits, j.backoff
