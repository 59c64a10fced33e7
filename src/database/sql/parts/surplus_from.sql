-- part.surplus_from(max): from which job of a group on the rest is surplus. 32 jobs beyond the group's max keep the
-- group at work until the push has committed: a job that was blocked when the last of them had ended would
-- wait for the next sweep.
max::bigint + 32
