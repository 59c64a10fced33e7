-- How far from `reached` towards `target` nothing is ready. In growing steps, so that it makes progress before it has
-- to stop: dead tuples take time and end no scan.
CREATE OR REPLACE FUNCTION chancy.watermark_1(
  wanted_queue text, wanted int, reached bigint, target bigint, stop_at timestamptz)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
DECLARE
  step bigint := 100000;
  up_to bigint;
  next_ready bigint;
BEGIN
  WHILE reached < target AND chancy.clock_1() < stop_at LOOP
    up_to := least(target, reached + step);
    SELECT j.position INTO next_ready
      FROM chancy.jobs j
     WHERE j.queue = wanted_queue AND j.priority = wanted
       AND j.position > reached AND j.position <= up_to AND part.is_ready(j)
     ORDER BY j.position
     LIMIT 1;
    IF FOUND THEN
      RETURN next_ready - 1;
    END IF;
    reached := up_to;
    step := step * 2;
  END LOOP;
  RETURN reached;
END $body$;
