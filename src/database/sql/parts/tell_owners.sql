-- part.tell_owners(gone): finds the ends of those jobs of `gone` that this call has moved to the history and that are
-- parts of an owner, for a flow: a step each, and of a batch the numbers of jobs by state. Fills end_owners, end_steps,
-- end_states, end_results and end_errors; `at` is when they were moved.
WITH parts AS MATERIALIZED (
  SELECT f.owner_id, f.owner_step, f.state, CASE WHEN f.owner_step IS NOT NULL THEN f.result END AS result,
         CASE WHEN f.owner_step IS NOT NULL AND f.state <> 'succeeded' THEN
           jsonb_build_object('kind', f.errors -> -1 ->> 'kind', 'message', left(f.errors -> -1 ->> 'message', 2000)) END AS error
    FROM chancy.finished_jobs f
   WHERE f.id = ANY (gone) AND f.finished_at = at AND f.owner_id IS NOT NULL
)
SELECT array_agg(e.owner_id), array_agg(e.owner_step), array_agg(e.state), array_agg(e.result), array_agg(e.error)
  INTO end_owners, end_steps, end_states, end_results, end_errors
  FROM (SELECT p.* FROM parts p WHERE p.owner_step IS NOT NULL
        UNION ALL
        SELECT p.owner_id, NULL, 'counted', jsonb_build_object(
                 'succeeded', count(*) FILTER (WHERE p.state = 'succeeded'),
                 'failed', count(*) FILTER (WHERE p.state = 'failed'),
                 'cancelled', count(*) FILTER (WHERE p.state = 'cancelled')), NULL
          FROM parts p
         WHERE p.owner_step IS NULL
         GROUP BY p.owner_id) e;
