-- What the functions do that users call by SQL. They are made after the tables.

COMMENT ON FUNCTION chancy.push IS 'Pushes one job and returns its id, or that of the job that has its unique key. args and meta are objects; the job starts at scheduled_at at the earliest.';
COMMENT ON FUNCTION chancy.new_id IS 'A UUID of version 7 by the clock of the server.';
COMMENT ON FUNCTION chancy.pause IS 'Pauses a queue: nothing more of it starts, until resume_at or resume. What runs continues.';
COMMENT ON FUNCTION chancy.resume IS 'Ends the pause of a queue.';
COMMENT ON FUNCTION chancy.cancel IS 'Cancels a job: a waiting one immediately, a running one by its signal. Returns cancelled, requested (it is running), finished (too late) or unknown.';
COMMENT ON FUNCTION chancy.retry IS 'Puts a failed or cancelled job back to waiting, with one more attempt allowed. Returns retried, scheduled (its time has not come), unknown, or the state of a job that is neither.';
COMMENT ON FUNCTION chancy.backlog IS 'How many jobs of a queue are due and do not run, counted to 10,000.';
