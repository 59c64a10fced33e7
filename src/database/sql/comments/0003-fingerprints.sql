-- What the columns of fingerprints mean, and what writes them.

COMMENT ON COLUMN chancy.jobs.fingerprint IS 'Group of failures that the last failed attempt belongs to: 64 bits of a hash. Null: none has failed since the push or the last manual retry. Written by finish.';
COMMENT ON COLUMN chancy.finished_jobs.fingerprint IS 'Group of failures of a failed job. Null: it did not fail. Written by finish and recover.';
COMMENT ON COLUMN chancy.workers.version IS 'Version of the application, as the worker was given it. Null: none.';
COMMENT ON COLUMN chancy.workers.figures IS 'Slots, rates and memory of the worker, an object that each renewal of the lease replaces. Null: it has written none.';
