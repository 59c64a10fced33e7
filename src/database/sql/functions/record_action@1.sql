-- Writes one row of the audit log, in the transaction of what it is about. An id is written once: false when it was
-- there. Roles that act may append by this function, and have no right on the table.
CREATE OR REPLACE FUNCTION chancy.record_action_1(
  entry_id uuid, verb text, target text, filter text, before jsonb, after jsonb, actor jsonb, reason text, outcome text,
  code text, jobs int, address inet, request_id uuid, bulk_id uuid)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  INSERT INTO chancy.audit (
         id, at, jobs, bulk_id, request_id, address, verb, outcome, code, target, filter, reason, actor, before, after)
  VALUES (entry_id, chancy.clock_1(), record_action_1.jobs, record_action_1.bulk_id, record_action_1.request_id,
          record_action_1.address, record_action_1.verb, record_action_1.outcome, record_action_1.code,
          record_action_1.target, record_action_1.filter, record_action_1.reason, record_action_1.actor,
          record_action_1.before, record_action_1.after)
      ON CONFLICT ON CONSTRAINT audit_pkey DO NOTHING;
  RETURN FOUND;
END $body$;
