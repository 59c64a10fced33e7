-- What the search of jobs reads. The index is made of each partition by a later step: here it is the pattern of those
-- that are created from now on.
CREATE INDEX finished_jobs_ended ON ONLY chancy.finished_jobs (state, finished_at, id)
  WHERE state <> 'succeeded';
