-- part.waiting_columns(j): what a reader gets of a job that waits or runs.
part.job_columns(j),
NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
