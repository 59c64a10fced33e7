-- Makes an index of a day of the history that is over, by name or by args, and returns whether it did. For a role that
-- does not own the history, or has no session of its own: CREATE INDEX CONCURRENTLY cannot run in a function. A retry
-- of a job of that day waits meanwhile, and nothing else: no finish writes into it any more.
CREATE OR REPLACE FUNCTION chancy.index_day_1(partition text, kind text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
SET statement_timeout = 0
AS $body$
DECLARE
  day regclass;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('chancy day indexes ' || 'chancy', 0::bigint)) THEN
    RETURN false;
  END IF;
  SELECT c.oid::regclass INTO day
    FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid
   WHERE h.inhparent = 'chancy.finished_jobs'::regclass AND c.relname = index_day_1.partition
     AND c.relname ~ '^finished_jobs_[0-9]{8}$'
     AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
         < chancy.now_1() - interval '10 minutes';
  IF NOT FOUND OR kind NOT IN ('name', 'args') THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP INDEX IF EXISTS %I.%I', 'chancy', partition || '_' || kind);
  EXECUTE format('CREATE INDEX %I ON %s %s', partition || '_' || kind, day,
                 CASE kind WHEN 'name' THEN '(name, id)'
                      ELSE 'USING gin (args jsonb_path_ops, meta jsonb_path_ops)' END);
  RETURN true;
END $body$;
