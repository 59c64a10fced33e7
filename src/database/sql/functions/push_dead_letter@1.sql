-- Pushes the dead letter of a job that has finally failed, in the transaction that moves it to the history: whatever
-- fails a job writes that row, so none can be forgotten. The job carries its dead letter in its extras, since recovery
-- fails jobs without their definition.
CREATE OR REPLACE FUNCTION chancy.push_dead_letter_1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  letter jsonb := NEW.extras -> 'dead_letter';
  failed jsonb := jsonb_build_object('id', NEW.id, 'name', NEW.name, 'errors', coalesce(NEW.errors, '[]'));
BEGIN
  -- A row that was written by hand may have arguments that no job can have, and a dead letter has them two levels
  -- deeper.
  failed := failed || jsonb_build_object('args',
    CASE WHEN octet_length(NEW.args::text) <= 1048576
              AND NOT part.is_too_deep(jsonb_build_object('job', jsonb_build_object('args', NEW.args)))
         THEN NEW.args END);
  PERFORM chancy.push_stored_1(
    jsonb_build_array(letter || jsonb_build_object('args', jsonb_build_object('job', failed))));
  RETURN NULL;
END $body$;
