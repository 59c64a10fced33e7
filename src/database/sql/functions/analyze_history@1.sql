-- Analyzes the history: autovacuum never analyzes a partitioned parent.
CREATE OR REPLACE FUNCTION chancy.analyze_history_1() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  ANALYZE chancy.finished_jobs;
END $body$;
