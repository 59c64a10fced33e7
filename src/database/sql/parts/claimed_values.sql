-- part.claimed_values(j): what a claim brings along of a job. What is larger is read when the attempt begins:
-- the thousand jobs of a claim must fit into the memory of their worker, and be turned into text in time.
j.id, j.name::text,
CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
     -- A cast to a length is nearly free, where a function that counts characters is not.
     THEN j.args::text::varchar(65536)::text
     ELSE chancy.text_1(j.args, 262144, 65536) END,
j.priority, j.attempts, j.max_attempts, j.fence, j.position, date_part('epoch', j.created_at) * 1000,
date_part('epoch', j.scheduled_at) * 1000, part.extra_columns(j, 262144, 65536), j.ctid
