-- Ends items of a bulk action whose jobs it has changed. To what its undo puts back it adds how the change has left the
-- job, by which the undo finds that the job has not changed since.
CREATE OR REPLACE FUNCTION chancy.note_done_1(bulk uuid, jobs uuid[], action text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
BEGIN
  UPDATE chancy.bulk_items i
     SET outcome = 'done',
         before = i.before || CASE action
           WHEN 'cancel' THEN
             (SELECT jsonb_build_object('left_at', f.finished_at) FROM chancy.finished_jobs f
               WHERE f.id = i.job_id AND f.finished_at > chancy.clock_1() - interval '1 hour' LIMIT 1)
           WHEN 'retry' THEN
             (SELECT jsonb_build_object('left_seq', j.seq) FROM chancy.jobs j WHERE j.id = i.job_id)
           WHEN 'run-now' THEN
             (SELECT jsonb_build_object('left_at', j.scheduled_at) FROM chancy.jobs j WHERE j.id = i.job_id)
           ELSE '{}' END
   WHERE i.bulk_id = note_done_1.bulk AND i.job_id = ANY (note_done_1.jobs)
     AND i.outcome IN ('left', 'late');
END $body$;
