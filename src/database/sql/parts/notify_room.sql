-- part.notify_room: whether the server's queue of notifications has room. A session that listens and stays in
-- a transaction fills it, and then every commit that notifies fails, so that not even a savepoint helps: a
-- notification, which is a hint, would undo the write that it is about. With less than a tenth left nothing is
-- sent, and work is found by polling. It costs less than the NOTIFY that it stands before.
pg_catalog.pg_notification_queue_usage() < 0.9::float8
