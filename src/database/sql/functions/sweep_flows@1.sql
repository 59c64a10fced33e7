-- What each worker does every second: ends that were left in step_ends, deadlines, workflows that are being stopped,
-- batches whose push was lost, and what has passed its retention. An owner that another transaction holds is passed over. Returns rows as flow
-- does, and how many rows of removed workflows are gone ('removed', as the name).
CREATE OR REPLACE FUNCTION chancy.sweep_flows_1(max_owners int) RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  owners uuid[];
  orphans uuid[];
  expired uuid[];
  removed int;
  left_room int;
BEGIN
  PERFORM part.read_committed_only();
  UPDATE chancy.workflows w
     SET stopping = 'deadline'
   WHERE w.ctid = ANY (ARRAY(
           SELECT d.ctid FROM chancy.workflows d
            WHERE d.deadline_at <= chancy.clock_1() AND d.stopping IS NULL AND d.finished_at IS NULL
            ORDER BY d.deadline_at
            LIMIT max_owners
              FOR NO KEY UPDATE SKIP LOCKED));
  -- The process that pushed its jobs did not end, and renews the lease no longer.
  UPDATE chancy.workflows w
     SET stopping = 'failure',
         failure = '{"step": null, "kind": "error", "message": "The process that pushed the batch was lost before it had pushed all of its jobs."}'
   WHERE w.ctid = ANY (ARRAY(
           SELECT d.ctid FROM chancy.workflows d
            WHERE d.pushed_until <= chancy.clock_1() AND d.stopping IS NULL
            ORDER BY d.pushed_until
            LIMIT max_owners
              FOR NO KEY UPDATE SKIP LOCKED));
  -- One probe of the index for each owner, however many ends it has.
  WITH RECURSIVE waiting AS (
    (SELECT s.owner_id, 1 AS n FROM chancy.step_ends s ORDER BY s.owner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.owner_id FROM chancy.step_ends s WHERE s.owner_id > w.owner_id ORDER BY s.owner_id LIMIT 1), w.n + 1
      FROM waiting w
     WHERE w.owner_id IS NOT NULL AND w.n < max_owners
  )
  SELECT array_agg(w.owner_id) INTO owners FROM waiting w WHERE w.owner_id IS NOT NULL;
  orphans := ARRAY(
    SELECT o.id FROM unnest(owners) AS o(id)
     WHERE (SELECT true FROM chancy.workflows w WHERE w.id = o.id) IS NULL);
  IF cardinality(orphans) > 0 THEN
    DELETE FROM chancy.step_ends s WHERE s.owner_id = ANY (orphans);
  END IF;
  owners := owners || ARRAY(
    SELECT w.id FROM chancy.workflows w
     WHERE w.stopping IS NOT NULL AND w.finished_at IS NULL
     ORDER BY w.id
     LIMIT max_owners);
  IF cardinality(owners) > 0 THEN
    RETURN QUERY SELECT f.* FROM chancy.flow_1(owners, false) f;
  END IF;

  expired := ARRAY(
    SELECT w.id FROM chancy.workflows w
     WHERE w.expires_at <= chancy.clock_1()
     ORDER BY w.expires_at
     LIMIT max_owners
       FOR UPDATE SKIP LOCKED);
  IF cardinality(expired) > 0 THEN
    DELETE FROM chancy.steps s
     WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM chancy.steps o WHERE o.owner_id = ANY (expired) LIMIT 1000));
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM chancy.workflows w
     WHERE w.id = ANY (expired) AND (SELECT true FROM chancy.steps s WHERE s.owner_id = w.id LIMIT 1) IS NULL;
    GET DIAGNOSTICS left_room = ROW_COUNT;
    RETURN QUERY SELECT 'removed', NULL::uuid, (removed + left_room)::text;
  END IF;
END $body$;
