-- Pushes the workflow that a durable job invokes, and returns its id. Its end wakes the job, and it is cancelled when
-- the job ends before it.
CREATE OR REPLACE FUNCTION chancy.push_invoked_1(parent uuid, plan jsonb) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  owner uuid := (plan ->> 'id')::uuid;
BEGIN
  PERFORM chancy.push_flow_1(jsonb_build_array(plan), true);
  UPDATE chancy.workflows w SET owner_id = parent WHERE w.id = owner;
  RETURN owner;
END $body$;
