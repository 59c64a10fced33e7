-- What a worker runs by claims it does not know, for one that lost their answers.
CREATE OR REPLACE FUNCTION chancy.held_1(worker uuid, claim_seqs bigint[])
RETURNS TABLE (
  id uuid, name text, args text, priority int, attempts int, max_attempts int, fence bigint,
  "position" bigint, created_ms float8, scheduled_ms float8, extras text, ctid tid,
  claim_seq bigint, queue text, started_ms float8)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT part.claimed_values(j), c.claim_seq, j.queue, date_part('epoch', j.started_at) * 1000
    FROM chancy.claims c
   CROSS JOIN LATERAL unnest(c.ids) AS i(id)
   CROSS JOIN LATERAL (
           SELECT k.ctid, k.* FROM chancy.jobs k WHERE k.id = i.id OFFSET 0) j
   WHERE c.worker_id = worker AND c.claim_seq = ANY (claim_seqs)
     AND j.state = 'running' AND j.worker_id = worker;
END $body$;
