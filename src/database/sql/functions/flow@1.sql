-- Takes ends of steps into account under the locks of their owners: the steps that waited for them are counted down,
-- and those whose condition is decided run or are skipped. An end is a row of end_owners, end_steps, end_states
-- (succeeded, failed or cancelled), end_results and end_errors (objects of kind and message); of jobs of a batch one
-- without a step, whose result has their numbers by state (counted). Without any, what waits in step_ends is done.
--
-- With `wait` it waits for the owners' locks, and must be called in a transaction that holds nothing else. Without it
-- an owner that another transaction holds is passed over: its ends become rows of step_ends. It changes a thousand
-- steps or so at most, and leaves the rest in step_ends. It returns rows of these verdicts:
--
-- - left: call it again for this owner, with `wait`, when this transaction has committed;
-- - ready, scheduled: jobs of the queue `name` got a position, or a time;
-- - freed: a group (`name`) lost a waiting job: make_ready, in a transaction of its own;
-- - asked: the running job `owner` was asked to stop;
-- - ended: the job `owner` ended without having run, in the state `name`;
-- - finished, batch: the workflow or batch `owner` ended, in the state `name`.
CREATE OR REPLACE FUNCTION chancy.flow_1(
  owners uuid[], wait boolean, end_owners uuid[] DEFAULT NULL, end_steps int[] DEFAULT NULL,
  end_states text[] DEFAULT NULL, end_results jsonb[] DEFAULT NULL, end_errors jsonb[] DEFAULT NULL)
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  held uuid[];
  stopped uuid[];
  batches uuid[];
  ends chancy.step_ends[];
BEGIN
  PERFORM part.read_committed_only();
  -- The state is that of the newest version of the row, also after a wait.
  IF wait THEN
    SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.stopping IS NOT NULL AND l.finished_at IS NULL),
           array_agg(l.id) FILTER (WHERE l.kind = 'batch')
      INTO held, stopped, batches
      FROM (SELECT w.id, w.stopping, w.finished_at, w.kind FROM chancy.workflows w
             WHERE w.id = ANY (owners)
             ORDER BY w.id
               FOR NO KEY UPDATE) l;
  ELSE
    SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.stopping IS NOT NULL AND l.finished_at IS NULL),
           array_agg(l.id) FILTER (WHERE l.kind = 'batch')
      INTO held, stopped, batches
      FROM (SELECT w.id, w.stopping, w.finished_at, w.kind FROM chancy.workflows w
             WHERE w.id = ANY (owners)
             ORDER BY w.id
               FOR NO KEY UPDATE SKIP LOCKED) l;
    IF end_owners IS NOT NULL AND NOT end_owners <@ coalesce(held, '{}') THEN
      RETURN QUERY
      WITH put AS (
        INSERT INTO chancy.step_ends (owner_id, n, state, result, error)
        SELECT e.owner_id, e.n, e.state, e.result, e.error
          FROM unnest(end_owners, end_steps, end_states, end_results, end_errors) AS e(owner_id, n, state, result, error)
         WHERE e.owner_id <> ALL (coalesce(held, '{}'))
           -- One that was removed has nothing to count any more.
           AND (SELECT true FROM chancy.workflows w WHERE w.id = e.owner_id)
        RETURNING owner_id
      )
      SELECT DISTINCT 'left', p.owner_id, NULL::text FROM put p;
    END IF;
  END IF;
  IF held IS NULL THEN
    RETURN;
  END IF;

  IF end_owners IS NOT NULL THEN
    ends := ARRAY(
      SELECT ROW(e.owner_id, e.n, NULL::int, e.state, e.result, e.error)::chancy.step_ends
        FROM unnest(end_owners, end_steps, end_states, end_results, end_errors) AS e(owner_id, n, state, result, error)
       WHERE e.owner_id = ANY (held));
  END IF;
  IF batches IS NOT NULL THEN
    RETURN QUERY
    SELECT f.* FROM chancy.count_batch_1(batches, ARRAY(
      SELECT ROW(e.*)::chancy.step_ends FROM unnest(ends) e WHERE e.owner_id = ANY (batches))) f;
    held := nullif(ARRAY(SELECT h.id FROM unnest(held) AS h(id) WHERE h.id <> ALL (batches)), '{}');
    IF held IS NULL THEN
      RETURN;
    END IF;
    stopped := nullif(ARRAY(SELECT h.id FROM unnest(stopped) AS h(id) WHERE h.id <> ALL (batches)), '{}');
    ends := ARRAY(SELECT ROW(e.*)::chancy.step_ends FROM unnest(ends) e WHERE e.n IS NOT NULL);
  END IF;
  RETURN QUERY SELECT f.* FROM chancy.flow_held_1(held, stopped, ends) f;
END $body$;
