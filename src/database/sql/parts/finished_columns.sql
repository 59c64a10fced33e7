-- part.finished_columns(j): the same of a job that has finished.
part.job_columns(j),
date_part('epoch', j.finished_at) * 1000 AS finished_ms,
part.read_text(j.result) AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
