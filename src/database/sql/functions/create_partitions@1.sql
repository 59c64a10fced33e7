-- Creates the partitions of the history, a day each, from today to `ahead` days from now. One is created as a
-- table of its own and then attached: PARTITION OF would lock the parent and, behind one reader of the history, stop every finish.
-- There is no default partition, since attaching another beside it scans it.
CREATE OR REPLACE FUNCTION chancy.create_partitions_1(ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  today date := (chancy.now_1() AT TIME ZONE 'UTC')::date;
  day date;
  partition text;
  created int := 0;
BEGIN
  -- Two calls for one day would otherwise meet at CREATE TABLE, and one would fail.
  PERFORM pg_advisory_xact_lock(hashtextextended('chancy partitions ' || 'chancy', 0::bigint));
  FOR i IN 0 .. ahead LOOP
    day := today + i;
    partition := 'finished_jobs_' || to_char(day::timestamp, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(format('%I.%I', 'chancy', partition)) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                   'chancy', partition, 'chancy.finished_jobs');
    -- A table without a primary key refuses DELETE under a publication of all tables otherwise.
    EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', 'chancy', partition);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   'chancy.finished_jobs', 'chancy', partition,
                   day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    created := created + 1;
  END LOOP;
  RETURN created;
END $body$;
