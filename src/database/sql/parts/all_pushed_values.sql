-- part.all_pushed_values(g): part.pushed_values, with the owner and what a job carries until its end.
part.pushed_values(g), (g.extras ->> 'owner_id')::uuid,
CASE WHEN g.extras ?| ARRAY['deadline_ms', 'dead_letter']
     THEN g.extras - ARRAY['limits', 'backoff', 'retention_ms', 'meta', 'concurrency_key', 'concurrency_max',
                           'when_taken', 'owner_id'] END
