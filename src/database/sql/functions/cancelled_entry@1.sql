-- The entry that a cancelled attempt leaves in the errors of its job.
CREATE OR REPLACE FUNCTION chancy.cancelled_entry_1(attempt int) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT jsonb_build_object('attempt', attempt, 'kind', 'cancelled', 'name', 'AttemptError',
                            'message', 'The job was cancelled.', 'stack', NULL)
$body$;
