-- part.job_columns(j): the columns that a reader gets of a job, whichever table it is in.
j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
part.read_text(j.args) AS args, left(j.state, 200) AS state,
j.priority, j.attempts, j.max_attempts,
date_part('epoch', j.created_at) * 1000 AS created_ms,
date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
date_part('epoch', j.started_at) * 1000 AS started_ms,
left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
part.read_text(j.limits) AS limits, part.read_text(j.errors) AS errors,
part.read_text(j.progress) AS progress, part.read_text(j.meta) AS meta,
j.worker_id::text AS worker_id
