-- Gives one partition of the history that lacks it the index of failed and cancelled jobs by their ends, and returns
-- 1; when all have it, drops the one that it replaces, and returns 0. A finish into that partition waits meanwhile: the
-- index is of few rows, but all of the partition are read for it.
CREATE OR REPLACE FUNCTION chancy.index_ended_1() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  partition regclass;
  index_name text;
BEGIN
  SELECT h.inhrelid::regclass, 'ended_' || h.inhrelid
    INTO partition, index_name
    FROM pg_inherits h
   WHERE h.inhparent = 'chancy.finished_jobs'::regclass
     AND NOT EXISTS (SELECT 1
                       FROM pg_index x
                       JOIN pg_inherits p ON p.inhrelid = x.indexrelid
                      WHERE x.indrelid = h.inhrelid AND p.inhparent = 'chancy.finished_jobs_ended'::regclass)
   ORDER BY h.inhrelid
   LIMIT 1;
  IF NOT FOUND THEN
    DROP INDEX IF EXISTS chancy.finished_jobs_unusual;
    RETURN 0;
  END IF;
  EXECUTE format('CREATE INDEX %I ON %s (state, finished_at, id) WHERE state <> ''succeeded''', index_name, partition);
  EXECUTE format('ALTER INDEX %s ATTACH PARTITION %I.%I', 'chancy.finished_jobs_ended', 'chancy', index_name);
  RETURN 1;
END $body$;
