-- Whether the audit log has this row: the action that wrote it was committed, though its answer was lost.
CREATE OR REPLACE FUNCTION chancy.was_recorded_1(entry_id uuid)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  RETURN EXISTS (SELECT 1 FROM chancy.audit a WHERE a.id = entry_id);
END $body$;
