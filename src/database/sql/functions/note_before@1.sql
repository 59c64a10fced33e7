-- Notes of jobs that a bulk action is about to change what its undo puts back, and holds them until the end of the
-- transaction. What another transaction holds is passed over, or waited for. Nothing is noted of a job whose change has
-- consequences elsewhere: a part of a workflow or a batch, a durable job that is suspended or has invoked others, and a
-- running job that is asked to stop.
CREATE OR REPLACE FUNCTION chancy.note_before_1(bulk uuid, jobs uuid[], action text, waiting boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  PERFORM part.read_committed_only();
  IF action = 'retry' THEN
    IF waiting THEN
      PERFORM 1 FROM chancy.finished_jobs f
        WHERE f.id = ANY (note_before_1.jobs) AND f.owner_id IS NULL ORDER BY f.id FOR UPDATE;
    END IF;
    WITH held AS MATERIALIZED (
      SELECT f.id,
             jsonb_strip_nulls(jsonb_build_object(
               'fence', f.fence, 'state', f.state, 'finished_at', f.finished_at, 'max_attempts', f.max_attempts,
               'crashes', f.crashes, 'fingerprint', f.fingerprint, 'wall_ms', f.wall_ms, 'cpu_ms', f.cpu_ms,
               'peak_bytes', f.peak_bytes)) AS was
        FROM chancy.finished_jobs f
       WHERE f.id = ANY (note_before_1.jobs) AND f.state IN ('failed', 'cancelled') AND f.owner_id IS NULL
         FOR UPDATE SKIP LOCKED
    )
    UPDATE chancy.bulk_items i
       SET before = h.was
      FROM held h
     WHERE i.bulk_id = note_before_1.bulk AND i.job_id = h.id;
    RETURN;
  END IF;

  IF waiting THEN
    PERFORM 1 FROM chancy.jobs j
      WHERE j.id = ANY (note_before_1.jobs) AND (j.owner_id IS NULL OR action <> 'cancel') ORDER BY j.id FOR UPDATE;
  END IF;
  WITH held AS MATERIALIZED (
    SELECT j.id,
           jsonb_strip_nulls(jsonb_build_object('fence', j.fence) || CASE action
             WHEN 'cancel' THEN
               jsonb_build_object('state', j.state, 'fingerprint', j.fingerprint,
                                  'run_at', CASE WHEN NOT part.has_place(j) THEN j.run_at END)
             WHEN 'run-now' THEN jsonb_build_object('run_at', j.run_at, 'scheduled_at', j.scheduled_at)
             WHEN 'move' THEN jsonb_build_object('queue', j.queue)
             ELSE jsonb_build_object('priority', j.priority) END) AS was
      FROM chancy.jobs j
     WHERE j.id = ANY (note_before_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
       AND (action <> 'cancel'
            OR (j.owner_id IS NULL
                AND (SELECT true FROM chancy.workflows w
                      WHERE w.owner_id = j.id AND w.finished_at IS NULL LIMIT 1) IS NULL))
       FOR UPDATE SKIP LOCKED
  )
  UPDATE chancy.bulk_items i
     SET before = h.was
    FROM held h
   WHERE i.bulk_id = note_before_1.bulk AND i.job_id = h.id;
END $body$;
