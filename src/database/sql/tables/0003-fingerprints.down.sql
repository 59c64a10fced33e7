ALTER TABLE chancy.workers DROP COLUMN figures;
ALTER TABLE chancy.workers DROP COLUMN version;
ALTER TABLE chancy.finished_jobs DROP COLUMN fingerprint;
ALTER TABLE chancy.jobs DROP COLUMN fingerprint;
