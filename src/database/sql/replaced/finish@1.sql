-- finish_1 for workers of the release before, which do not know which jobs have an owner: it is looked up here.
CREATE OR REPLACE FUNCTION chancy.finish_1(
  worker uuid, ctids tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[],
  delays_ms float8[], given_back int[], crashed int[], fronts boolean[],
  walls_ms float8[], cpus_ms float8[], peaks float8[], extras_texts text[], since_ms float8, keys text[],
  ended bigint[])
RETURNS TABLE (id text, verdict text, queue text, saved_ms float8)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  owned uuid[] := ARRAY(
    SELECT j.id FROM chancy.jobs j WHERE j.id = ANY (finish_1.ids) AND j.owner_id IS NOT NULL);
BEGIN
  RETURN QUERY
  SELECT f.id, f.verdict, f.queue, f.saved_ms
    FROM chancy.finish_2(
           worker, ctids, ids, fences, states, results, errors, delays_ms, given_back, crashed, fronts, walls_ms,
           cpus_ms, peaks, extras_texts, since_ms, keys, ended, nullif(owned, '{}')) f
   -- What it does not know is found by the sweep.
   WHERE f.verdict IS NULL OR f.verdict IN ('cancelled', 'lost', 'ready', 'again');
END $body$;
