-- The days of the history, and whether each has an index that is made when the day is over: `name`, or `args`.
CREATE OR REPLACE FUNCTION chancy.indexed_days_1(kind text)
RETURNS TABLE (day timestamptz, is_indexed boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC',
         EXISTS (SELECT 1
                   FROM pg_index x
                   JOIN pg_class i ON i.oid = x.indexrelid
                  WHERE x.indrelid = c.oid AND x.indisvalid AND i.relname = c.relname || '_' || kind)
    FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid
   WHERE h.inhparent = 'chancy.finished_jobs'::regclass AND c.relname ~ '^finished_jobs_[0-9]{8}$'
$body$;
