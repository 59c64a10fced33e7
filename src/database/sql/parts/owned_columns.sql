-- part.owned_columns(j): the columns that a job with an owner takes along besides.
j.owner_id, j.owner_step, j.extras
