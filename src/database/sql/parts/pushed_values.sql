-- part.pushed_values(g): what a push writes into each column of jobs.
g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
CASE WHEN g.position IS NULL THEN g.due END, g.position,
CASE WHEN surplus[g.n] THEN NULL ELSE g.position END, coalesce(surplus[g.n], false),
g.unique_key, g.extras -> 'limits', g.extras -> 'backoff',
make_interval(secs => (g.extras ->> 'retention_ms')::float8 / 1000), g.extras -> 'meta',
g.extras ->> 'concurrency_key', (g.extras ->> 'concurrency_max')::int
