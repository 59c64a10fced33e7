-- Records ctx.transaction as the last statement of the caller's own transaction, under the fence: 'saved', with its
-- number, or 'lost' (another attempt has the job, and the transaction must not be committed). The job stays locked
-- until its end.
CREATE OR REPLACE FUNCTION chancy.save_step_1(
  job uuid, of_fence bigint, worker uuid, name text, result text, started_ms float8, ended_ms float8)
RETURNS TABLE (state text, n int)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  base int;
  is_first boolean;
  made int;
BEGIN
  SELECT coalesce((j.extras ->> 'base')::int, 0), j.attempts > 1 OR j.crashes > 0
    INTO base, is_first
    FROM chancy.jobs j
   WHERE j.id = save_step_1.job AND j.fence = of_fence AND j.worker_id = worker AND j.state = 'running'
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'lost', NULL::int;
    RETURN;
  END IF;
  INSERT INTO chancy.job_steps (job_id, n, kind, name, result, started_at, ended_at)
  SELECT save_step_1.job,
         coalesce((SELECT s.n FROM chancy.job_steps s WHERE s.job_id = save_step_1.job ORDER BY s.n DESC LIMIT 1), base) + 1,
         'transaction', save_step_1.name, save_step_1.result::json,
         to_timestamp(save_step_1.started_ms / 1000), to_timestamp(save_step_1.ended_ms / 1000)
  RETURNING n INTO made;
  IF is_first THEN
    UPDATE chancy.jobs j SET attempts = 1, crashes = 0 WHERE j.id = save_step_1.job;
  END IF;
  RETURN QUERY SELECT 'saved', made - base;
END $body$;
