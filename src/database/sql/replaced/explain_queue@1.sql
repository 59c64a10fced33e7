-- explain_queue_1 for the release before, which does not know suspended jobs: it does not count them.
CREATE OR REPLACE FUNCTION chancy.explain_queue_1(wanted_queue text, bound int, max_scanned int)
RETURNS TABLE (
  queue_state text, ready int, scheduled int, backoff int, parked int,
  blocked int, blocked_more boolean, running int, running_more boolean,
  tags text, workers text, next_start_ms float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.queue_state, e.ready, e.scheduled, e.backoff, e.parked, e.blocked, e.blocked_more, e.running, e.running_more,
         e.tags, e.workers, e.next_start_ms
    FROM chancy.explain_queue_2(wanted_queue, bound, max_scanned) e;
END $body$;
