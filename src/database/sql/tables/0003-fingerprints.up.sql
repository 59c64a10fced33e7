-- Before the jobs, as in 0002.
ALTER TABLE chancy.workers ADD COLUMN version text;
ALTER TABLE chancy.workers ADD COLUMN figures jsonb;
-- Null but after a failure. It is no part of what a claim changes, and is written with a retry, which writes entries of
-- other indexes anyway.
ALTER TABLE chancy.jobs ADD COLUMN fingerprint bigint;
ALTER TABLE chancy.finished_jobs ADD COLUMN fingerprint bigint;
CREATE INDEX jobs_fingerprint ON chancy.jobs (fingerprint, id) WHERE fingerprint IS NOT NULL;
CREATE INDEX finished_jobs_fingerprint ON chancy.finished_jobs (fingerprint, finished_at, id)
  WHERE fingerprint IS NOT NULL;
-- As of all columns of this table: see where it is made.
ALTER TABLE chancy.jobs ALTER COLUMN fingerprint SET STATISTICS 0;
