-- Which of many queues a claim may find something in, by two probes each. A queue with watermarks always counts: a
-- scan that does not begin at them may be expensive.
CREATE OR REPLACE FUNCTION chancy.ready_queues_1(queues text[], names text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
BEGIN
  RETURN QUERY
  SELECT u.name
    FROM unnest(queues) AS u(name)
   WHERE (SELECT true FROM chancy.scan_watermarks l WHERE l.queue = u.name)
      OR (SELECT true FROM chancy.jobs j
           WHERE j.queue = u.name AND part.is_ready(j)
           LIMIT 1)
      OR (SELECT true FROM chancy.jobs j
           WHERE j.parked AND j.queue = u.name AND j.name = ANY (names)
           LIMIT 1);
END $body$;
