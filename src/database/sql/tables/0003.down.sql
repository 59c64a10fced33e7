DROP INDEX chancy.finished_jobs_ended;
CREATE INDEX IF NOT EXISTS finished_jobs_unusual ON chancy.finished_jobs (state, id)
  WHERE state <> 'succeeded';
