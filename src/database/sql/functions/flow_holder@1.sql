-- The workflow of this id, or else the one that holds a unique key: a running one, or one that keeps it while it is
-- kept; with `any_state` the newest of all that are kept, by their ids.
CREATE OR REPLACE FUNCTION chancy.flow_holder_1(flow uuid, key text, any_state boolean) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  holder uuid;
BEGIN
  SELECT w.id INTO holder FROM chancy.workflows w WHERE w.id = flow;
  IF holder IS NULL THEN
    SELECT w.id INTO holder
      FROM chancy.workflows w
     WHERE w.unique_key = key AND (any_state OR w.finished_at IS NULL OR w.once)
     ORDER BY w.id DESC
     LIMIT 1;
  END IF;
  RETURN holder;
END $body$;
