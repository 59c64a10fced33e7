-- part.own_max(j): the limit of a job's group. A row that was written by hand may hold anything; below one the
-- job could never run.
greatest(coalesce(j.concurrency_max, 1), 1)
