-- What version 1 does not know would stay in its tables for ever.
DO $body$
BEGIN
  IF EXISTS (SELECT 1 FROM chancy.workflows w WHERE w.finished_at IS NULL)
     OR EXISTS (SELECT 1 FROM chancy.jobs j WHERE j.waits IS NOT NULL OR j.extras IS NOT NULL) THEN
    RAISE EXCEPTION 'a workflow or a durable job has not ended' USING ERRCODE = '55000';
  END IF;
END $body$;
DROP TABLE chancy.workflows, chancy.steps, chancy.step_ends, chancy.job_steps, chancy.signals, chancy.job_values;
DROP INDEX chancy.jobs_waits;
ALTER TABLE chancy.workers DROP COLUMN paused;
ALTER TABLE chancy.finished_jobs DROP COLUMN owner_id, DROP COLUMN owner_step, DROP COLUMN extras;
ALTER TABLE chancy.jobs DROP COLUMN owner_id, DROP COLUMN owner_step, DROP COLUMN extras, DROP COLUMN waits;
