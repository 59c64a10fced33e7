-- part.kept_job(s): the spec of a step that did not succeed, with the row of its job: it can be retried when the day
-- of the history has been dropped.
CASE WHEN s.job_id IS NULL THEN s.spec
     ELSE coalesce(s.spec, '{}') || jsonb_build_object('job', (
            SELECT to_jsonb(f) - 'result' FROM chancy.finished_jobs f WHERE f.id = s.job_id LIMIT 1)) END
