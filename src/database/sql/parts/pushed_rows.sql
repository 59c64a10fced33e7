-- part.pushed_rows: the rows of a push, with the position of each that is due.
(
  SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
         u.extras::jsonb AS extras, u.due,
         CASE WHEN u.due IS NULL OR u.due <= chancy.now_1() THEN part.position_of(u.n) END AS position
    FROM (
      SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.extras, r.n,
             coalesce(to_timestamp(r.scheduled_ms / 1000),
                      chancy.now_1() + make_interval(secs => r.delay_ms / 1000)) AS due
        FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                    delays_ms, unique_keys, extras_texts) WITH ORDINALITY
          AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
               unique_key, extras, n)
    ) u)
