-- part.kept_retention(j): the retention that the history keeps: from 10 minutes to ten years. Beyond that, the
-- end of a job would be no time that PostgreSQL knows, and its partition could never be dropped.
CASE WHEN j.retention IS NOT NULL
     THEN least(greatest(j.retention, interval '10 minutes'), interval '3650 days') END
