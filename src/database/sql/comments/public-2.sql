-- What the functions of durable jobs do that users call by SQL.

COMMENT ON FUNCTION chancy.signal(uuid, text, jsonb, text) IS 'Sends a signal to a durable job, by the commit of the transaction, and returns sent, finished, unknown or full. The same key for the same job counts once.';
