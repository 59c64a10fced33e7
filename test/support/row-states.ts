/**
 * What goes with which state of a job, as a constraint, unless it is there. Each test runs under it;
 * an application does not, since PostgreSQL parses and plans it again in every statement that writes a
 * row.
 *
 * @param jobs the table, with its schema
 */
export const checkRowStates = (jobs: string): string => `
  DO $do$
  BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_constraint
                    WHERE conrelid = '${jobs}'::regclass AND conname = 'jobs_state') THEN
      ALTER TABLE ${jobs} ADD CONSTRAINT jobs_state CHECK (
        CASE WHEN state = 'running'
             THEN worker_id IS NOT NULL AND position IS NOT NULL AND NOT blocked AND NOT parked
                  AND (claim_seq IS NULL) = (concurrency_key IS NULL) AND waits IS NULL
             ELSE state IN ('pending', 'retrying') AND claim_seq IS NULL
                  AND (waits IS NULL OR waits IN ('steps', 'wait') AND position IS NULL) END);
    END IF;
  EXCEPTION
    -- Another application of the same test came first.
    WHEN duplicate_object THEN NULL;
  END $do$`
