-- Inserts a batch, and does what its rows ask for where their unique key is taken: `when_taken` of their extras is
-- {"replace": true}, {"debounce_ms": …, "most_ms": …} or {"throttle_ms": …}. The arguments and the answer are those of
-- push_jobs; rows that ask for nothing are pushed as there. `lock_ms` is 0 in the transaction of a caller, who does not
-- send a batch again.
--
-- A waiting job is changed under its lock, by id, and a running one never: a lock that was waited for is released
-- when the job turns out to be running, since its finish would have to wait for this transaction.
CREATE OR REPLACE FUNCTION chancy.push_taken_1(
  ids uuid[], queues text[], names text[], args text[], priorities int[], max_attempts int[],
  scheduled_ms float8[], delays_ms float8[], unique_keys text[], extras_texts text[],
  again boolean, lock_ms int, payloads text[])
RETURNS TABLE (pushed text, holder text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
-- The rows of a batch are joined with each other: by a nested loop 5,000 of them take minutes.
SET enable_hashjoin = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz := chancy.now_1();
  held uuid[];
  holders uuid[];
  refused uuid[];
  holders_found uuid[];
  late uuid[];
  wanted uuid[];
  changed uuid[];
  running bigint;
BEGIN
  -- Keys that are taken for a time, and what an earlier try has done: for these nothing is written.
  SELECT array_agg(h.id), array_agg(h.job_id) INTO held, holders
    FROM (
      SELECT r.id,
             coalesce(
               CASE WHEN r.extras LIKE '%"throttle_ms"%' AND r.extras::jsonb -> 'when_taken' ? 'throttle_ms'
                    THEN (SELECT t.job_id FROM chancy.key_throttles t WHERE t.key = r.key AND t.until > at) END,
               CASE WHEN again
                    THEN (SELECT p.job_id FROM chancy.key_replacements p WHERE p.push_id = r.id) END) AS job_id
        FROM unnest(ids, unique_keys, extras_texts) AS r(id, key, extras)) h
   WHERE h.job_id IS NOT NULL;
  IF held IS NOT NULL THEN
    SELECT array_agg(r.id ORDER BY r.n), array_agg(r.queue ORDER BY r.n), array_agg(r.name ORDER BY r.n),
           array_agg(r.args ORDER BY r.n), array_agg(r.priority ORDER BY r.n),
           array_agg(r.max_attempts ORDER BY r.n), array_agg(r.scheduled_ms ORDER BY r.n),
           array_agg(r.delay_ms ORDER BY r.n), array_agg(r.unique_key ORDER BY r.n),
           array_agg(r.extras ORDER BY r.n)
      INTO ids, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms, unique_keys, extras_texts
      FROM unnest(ids, queues, names, args, priorities, push_taken_1.max_attempts, scheduled_ms, delays_ms,
                  unique_keys, extras_texts) WITH ORDINALITY
        AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms, unique_key, extras, n)
     WHERE NOT EXISTS (SELECT 1 FROM unnest(held) AS h(id) WHERE h.id = r.id);
  END IF;

  IF ids IS NOT NULL THEN
    SELECT array_agg(p.pushed::uuid), array_agg(p.holder::uuid) INTO refused, holders_found
      FROM chancy.push_1(
             ids, queues, names, args, priorities, push_taken_1.max_attempts, scheduled_ms, delays_ms,
             unique_keys, extras_texts, again, lock_ms, payloads) p;

    -- The insert waited for the transaction that had the key: what it has written is seen by this statement.
    WITH fresh AS (
      SELECT r.id, r.key, (r.extras::jsonb -> 'when_taken' ->> 'throttle_ms')::float8 AS throttle_ms
        FROM unnest(ids, unique_keys, extras_texts) AS r(id, key, extras)
       WHERE r.extras LIKE '%"throttle_ms"%'
         AND NOT EXISTS (SELECT 1 FROM unnest(refused, holders_found) AS f(id, holder)
                          WHERE f.id = r.id AND f.holder IS DISTINCT FROM r.id)
    ), taken AS (
      INSERT INTO chancy.key_throttles AS t (key, job_id, until)
      SELECT f.key, f.id, at + make_interval(secs => f.throttle_ms / 1000)
        FROM fresh f
       WHERE f.throttle_ms IS NOT NULL
       ORDER BY f.key
          ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id, until = excluded.until
       WHERE t.until <= at
      RETURNING job_id
    )
    SELECT array_agg(f.id) INTO late
      FROM fresh f
     WHERE f.throttle_ms IS NOT NULL AND f.id NOT IN (SELECT t.job_id FROM taken t);
    IF late IS NOT NULL THEN
      -- A job with the key has come and gone since the throttles were read.
      DELETE FROM chancy.jobs j WHERE j.id = ANY (late) AND j.state <> 'running';
      SELECT held || array_agg(r.id), holders || array_agg(t.job_id)
        INTO held, holders
        FROM unnest(ids, unique_keys) AS r(id, key)
       CROSS JOIN LATERAL (SELECT k.job_id FROM chancy.key_throttles k WHERE k.key = r.key OFFSET 0) t
       WHERE r.id IN (SELECT l.id FROM unnest(late) AS l(id));
      -- A later row of the batch may have come upon one of these.
      holders_found := ARRAY(
        SELECT coalesce(h.holder, f.holder)
          FROM unnest(holders_found) WITH ORDINALITY AS f(holder, n)
          LEFT JOIN unnest(held, holders) AS h(id, holder) ON h.id = f.holder
         ORDER BY f.n);
    END IF;

    LOOP
      wanted := ARRAY(
        SELECT j.id
          FROM (
            SELECT DISTINCT f.holder
              FROM unnest(refused, holders_found) AS f(id, holder)
              JOIN unnest(ids, extras_texts) AS r(id, extras) ON r.id = f.id
             WHERE f.holder <> f.id
               AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms']) h
         CROSS JOIN LATERAL (
                SELECT k.id FROM chancy.jobs k WHERE k.id = h.holder AND k.state <> 'running' OFFSET 0) j
         ORDER BY j.id);
      EXIT WHEN cardinality(wanted) = 0;
      BEGIN
        -- In the order of ids, so that two batches do not wait for each other.
        SELECT count(*) FILTER (WHERE l.state = 'running') INTO running
          FROM (
            SELECT j.state
              FROM chancy.jobs j
             WHERE j.id = ANY (wanted)
             ORDER BY j.id
               FOR NO KEY UPDATE) l;
        IF running > 0 THEN
          RAISE EXCEPTION 'a job was claimed while its lock was waited for' USING ERRCODE = 'CH002';
        END IF;
        WITH given AS (
          -- Of several rows of the batch the last one counts.
          SELECT DISTINCT ON (f.holder)
                 f.holder, r.name, r.args, r.priority,
                 r.extras::jsonb AS extras,
                 coalesce(to_timestamp(r.scheduled_ms / 1000),
                          at + make_interval(secs => r.delay_ms / 1000)) AS due,
                 make_interval(secs => (r.extras::jsonb -> 'when_taken' ->> 'most_ms')::float8 / 1000) AS most
            FROM unnest(refused, holders_found) AS f(id, holder)
            JOIN unnest(ids, names, args, priorities, scheduled_ms, delays_ms, extras_texts) WITH ORDINALITY
              AS r(id, name, args, priority, scheduled_ms, delay_ms, extras, n) ON r.id = f.id
           WHERE f.holder IN (SELECT w.id FROM unnest(wanted) AS w(id))
             AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms']
           ORDER BY f.holder, r.n DESC
        ), timed AS (
          SELECT g.*, j.tid, j.parked, j.blocked AND j.key IS NOT DISTINCT FROM g.extras ->> 'concurrency_key' AS blocked,
                 j.position AS former_position, j.priority AS former_priority,
                 -- From the first push, or from the last attempt of a job that is tried again.
                 least(g.due, coalesce(j.started_at, j.created_at) + g.most) AS run_at
            FROM given g
           CROSS JOIN LATERAL (
                  SELECT k.ctid AS tid, k.name, k.started_at, k.created_at, k.concurrency_key AS key, k.waits,
                         k.parked, k.blocked, k.position, k.priority
                    FROM chancy.jobs k WHERE k.id = g.holder OFFSET 0) j
           WHERE j.name = g.name
             -- A durable job that has begun continues with the arguments that it began with.
             AND j.waits IS NULL
             AND NOT EXISTS (SELECT 1 FROM chancy.job_steps s WHERE s.job_id = g.holder)
        ), placed AS MATERIALIZED (
          SELECT t.*,
                 -- What stays ready with its priority keeps its position; with another one it draws one, since each
                 -- priority has watermarks of its own.
                 CASE WHEN t.run_at > at OR t.parked OR t.blocked THEN NULL
                      WHEN t.priority = t.former_priority AND t.former_position IS NOT NULL THEN t.former_position
                      ELSE nextval('chancy.positions') END AS position
            FROM timed t
        ), put AS (
          UPDATE chancy.jobs j
             SET args = p.args::jsonb, priority = p.priority, scheduled_at = p.run_at,
                 run_at = CASE WHEN p.run_at > at THEN p.run_at END,
                 concurrency_key = p.extras ->> 'concurrency_key',
                 concurrency_max = (p.extras ->> 'concurrency_max')::int,
                 parked = p.parked AND (p.run_at > at) IS NOT TRUE,
                 blocked = p.blocked AND (p.run_at > at) IS NOT TRUE,
                 position = p.position, seq = coalesce(j.seq, p.position)
            FROM placed p
           WHERE j.ctid = p.tid
          RETURNING j.id, j.queue, j.position
        ), announced AS (
          -- The queue of the job may be another one than that of the push.
          SELECT pg_notify('chancy_chancy', o.payload)
            FROM (SELECT DISTINCT CASE WHEN p.position IS NULL THEN 'job.scheduled ' ELSE 'queue.pushed ' END
                                  || p.queue AS payload
                    FROM put p WHERE p.queue <> ALL (queues)) o
           WHERE payloads IS NOT NULL AND part.notify_room()
        )
        SELECT array_agg(p.id) INTO changed FROM put p WHERE (SELECT count(*) FROM announced) >= 0;
        EXIT;
      EXCEPTION WHEN SQLSTATE 'CH002' THEN
        NULL;
      END;
    END LOOP;
    IF lock_ms > 0 AND changed IS NOT NULL THEN
      -- Once the job has finished, the key is free: a batch that is sent again would push a second one.
      INSERT INTO chancy.key_replacements (push_id, job_id, until)
      SELECT f.id, f.holder, at + interval '20 minutes'
        FROM unnest(refused, holders_found) AS f(id, holder)
        JOIN unnest(ids, extras_texts) AS r(id, extras) ON r.id = f.id
       WHERE f.holder IN (SELECT c.id FROM unnest(changed) AS c(id))
         AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms'];
    END IF;
  END IF;

  RETURN QUERY
  SELECT h.id::text, h.holder::text FROM unnest(held || refused, holders || holders_found) AS h(id, holder);
END $body$;
