-- Asks what durable jobs have invoked, and that has not ended, to stop: these jobs have ended. What another transaction
-- holds is found by a later call.
CREATE OR REPLACE FUNCTION chancy.stop_children_1(parents uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  UPDATE chancy.workflows w
     SET stopping = 'cancelled'
   WHERE w.ctid = ANY (ARRAY(
           SELECT o.ctid FROM chancy.workflows o
            WHERE o.owner_id = ANY (parents) AND o.finished_at IS NULL AND o.stopping IS NULL
              FOR NO KEY UPDATE SKIP LOCKED));
END $body$;
