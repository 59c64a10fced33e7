-- Drops a partition of the history when the retention of every row in it has passed, and returns whether it did. For
-- a role that does not own the history: a detach CONCURRENTLY cannot run in a function. This lock stops finishes
-- while it waits for a reader of the history, so it gives up soon, and is tried again.
CREATE OR REPLACE FUNCTION chancy.drop_partition_1(partition text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $body$
DECLARE
  gone record;
  is_needed boolean;
BEGIN
  SELECT c.oid::regclass AS name, i.inhrelid IS NOT NULL AS is_attached,
         coalesce(i.inhdetachpending, false) AS is_pending
    INTO gone
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
   WHERE c.relnamespace = quote_ident('chancy')::regnamespace AND c.relkind = 'r'
     AND c.relname = drop_partition_1.partition AND c.relname ~ '^finished_jobs_[0-9]{8}$'
     AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
         < chancy.now_1() - interval '10 minutes';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s f WHERE f.finished_at
                   + least(greatest(coalesce(f.retention, interval ''7 days''),
                                    interval ''10 minutes''), interval ''3650 days'') > %I.now_1())', gone.name, 'chancy')
     INTO is_needed;
  IF is_needed THEN
    RETURN false;
  END IF;
  IF gone.is_attached THEN
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s %s', 'chancy.finished_jobs', gone.name,
                   CASE WHEN gone.is_pending THEN 'FINALIZE' ELSE '' END);
  END IF;
  EXECUTE format('DROP TABLE %s', gone.name);
  RETURN true;
END $body$;
