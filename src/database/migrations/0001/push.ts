import { type Names, quoteLiteral } from '../../names.ts'
import { NOTIFY_ROOM } from '../../notify-room.ts'
import { BLOCK, drawn, placeOf } from '../../places.ts'
import { READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { SAFE_NAMES } from './safe-names.ts'

/** Whether an array or an object stands inside a hundred others. */
const isTooDeep = (value: string): string =>
  `jsonb_path_exists(${value}, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")')`

/** An ordinary batch: every row is in the line at once, and has nothing that few jobs have. */
const insertedPlain = (t: Names): string => `
       INSERT INTO ${t.jobs} (id, queue, name, args, priority, max_attempts, seq, ready_seq)
       SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.place, g.place
         FROM (
           SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, ${placeOf('r.n')} AS place
             FROM unnest(ids, queues, names, args, priorities, max_attempts) WITH ORDINALITY
               AS r(id, queue, name, args, priority, max_attempts, n)) g`

/** Columns of `jobs` that a push writes, and where each comes from in the row `g`. */
const inserted = (t: Names, end = ''): string => `
     INSERT INTO ${t.jobs} (
            id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, ready_seq, blocked,
            unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
     SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
            CASE WHEN g.place IS NULL THEN g.due END, g.place,
            CASE WHEN surplus[g.n] THEN NULL ELSE g.place END, coalesce(surplus[g.n], false),
            g.unique_key, g.rest -> 'limits', g.rest -> 'backoff',
            make_interval(secs => (g.rest ->> 'retention_ms')::float8 / 1000), g.rest -> 'meta',
            g.rest ->> 'concurrency_key', (g.rest ->> 'concurrency_max')::int
       FROM (
         SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                u.rest::jsonb AS rest, u.due,
                CASE WHEN u.due IS NULL OR u.due <= now() THEN ${placeOf('u.n')} END AS place
           FROM (
             SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.rest, r.n,
                    coalesce(to_timestamp(r.scheduled_ms / 1000),
                             now() + make_interval(secs => r.delay_ms / 1000)) AS due
               FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                           delays_ms, unique_keys, rests) WITH ORDINALITY
                 AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                      unique_key, rest, n)
           ) u
       ) g
      ${end}`

/**
 * `push_1` inserts a batch and answers only for the rows that have a unique key and were not
 * inserted: whose row stands in the way. `again` is for a batch whose first answer was lost; `bases` are
 * places that this transaction has drawn for it.
 */
export const push = (t: Names): string[] => [
  // Which of the jobs have ended lately, and so no longer stand in `jobs`. A bound on the time prunes
  // the days that cannot hold them.
  `CREATE FUNCTION ${t.fn('moved_1')}(ids uuid[]) RETURNS SETOF uuid
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     RETURN QUERY
     SELECT i.id
       FROM unnest(ids) AS i(id)
      WHERE (SELECT true FROM ${t.finishedJobs} f
              WHERE f.id = i.id AND f.finished_at >= now() - interval '20 minutes'
              LIMIT 1);
   END ${t.body}`,

  // Places for so many rows: the first of each block.
  `CREATE FUNCTION ${t.fn('places_1')}(rows int) RETURNS bigint[]
   LANGUAGE plpgsql ${SAFE_NAMES}
   AS ${t.body}
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
   BEGIN
     RETURN ARRAY(SELECT nextval(${t.sequence('line')})
                    FROM generate_series(1, (rows + ${BLOCK - 1}) / ${BLOCK}));
   END ${t.body}`,

  `CREATE FUNCTION ${t.fn('push_1')}(
     ids uuid[], queues text[], names text[], args text[], priorities int[], max_attempts int[],
     scheduled_ms float8[], delays_ms float8[], unique_keys text[], rests text[],
     again boolean, lock_ms int, payloads text[], bases bigint[] DEFAULT NULL)
   RETURNS TABLE (pushed text, holder text)
   LANGUAGE plpgsql ${SAFE_NAMES}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
     made uuid[];
     past uuid[];
     surplus boolean[];
   BEGIN
     IF bases IS NULL THEN
       ${drawn(t, 'cardinality(ids)').trim()}
     END IF;
     IF again THEN
       -- What is deleted below must be looked for in a snapshot of its own.
       ${READ_COMMITTED_ONLY.trim()}
     END IF;
     IF lock_ms > 0 THEN
       PERFORM set_config('lock_timeout', lock_ms::text, true);
     END IF;

     IF rests IS NOT NULL AND strpos(array_to_string(rests, ''), '"concurrency_key"') > 0 THEN
       surplus := ${t.fn('surplus_1')}(queues, priorities, rests, scheduled_ms, delays_ms, bases[1]);
     END IF;

     IF unique_keys IS NULL AND NOT again THEN
       -- Only the id can conflict, and it is new: nothing is asked of each row. A producer that came
       -- upon the id of another would hear of it.
       IF scheduled_ms IS NULL AND delays_ms IS NULL AND rests IS NULL THEN
         ${insertedPlain(t)};
       ELSE
         ${inserted(t)};
       END IF;
     ELSIF unique_keys IS NULL THEN
       -- What conflicts was written by the first try.
       ${inserted(t, 'ON CONFLICT DO NOTHING')};
     ELSE
       -- Sorted, so that two batches meet at their common keys in one order: unsorted they deadlock.
       -- Of two rows with one key the first of the call is kept: a producer's ids rise.
       WITH put AS (
         ${inserted(t, 'ORDER BY g.unique_key, g.id ON CONFLICT DO NOTHING')}
         RETURNING id
       )
       SELECT array_agg(put.id) INTO made FROM put;
     END IF;

     IF again THEN
       -- The first try may have committed, run and moved meanwhile; then the id no longer conflicts.
       -- In a later statement than the insert: inside it, one row still slipped through while the
       -- move was committing.
       past := ARRAY(SELECT ${t.fn('moved_1')}(ids));
       -- An empty array implies the predicate of every partial index: one would be read whole.
       IF cardinality(past) > 0 THEN
         DELETE FROM ${t.jobs} j WHERE j.id = ANY (past);
       END IF;
     END IF;

     IF payloads IS NOT NULL AND ${NOTIFY_ROOM} THEN
       PERFORM pg_notify(${quoteLiteral(t.channel)}, p) FROM unnest(payloads) AS p;
     END IF;

     IF unique_keys IS NOT NULL AND coalesce(cardinality(made), 0) < cardinality(ids) THEN
       RETURN QUERY
       SELECT m.id::text,
              coalesce(same.id, CASE WHEN m.id = ANY (past) THEN m.id END, other.id)::text
         FROM unnest(ids, unique_keys) AS m(id, unique_key)
         LEFT JOIN LATERAL (SELECT j.id FROM ${t.jobs} j WHERE j.id = m.id) same ON true
         LEFT JOIN LATERAL (
           SELECT j.id FROM ${t.jobs} j WHERE j.unique_key = m.unique_key) other ON true
        WHERE again OR m.id <> ALL (coalesce(made, '{}'));
     END IF;
   END ${t.body}`,

  // RFC 9562 version 7 from the server's clock; PostgreSQL has its own only since 18.
  `CREATE FUNCTION ${t.fn('new_id')}() RETURNS uuid
   LANGUAGE sql VOLATILE ${SAFE_NAMES}
   AS ${t.body}
     SELECT encode(
       set_byte(
         set_byte(
           overlay(uuid_send(gen_random_uuid())
                   PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                                     FROM 3) FROM 1 FOR 6),
           6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
         8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
       'hex')::uuid
   ${t.body}`,

  `CREATE FUNCTION ${t.fn('push')}(
     name text, args jsonb DEFAULT '{}', queue text DEFAULT 'default', priority int DEFAULT 0,
     max_attempts int DEFAULT NULL, scheduled_at timestamptz DEFAULT NULL,
     unique_key text DEFAULT NULL, meta jsonb DEFAULT NULL)
   RETURNS uuid
   LANGUAGE plpgsql ${SAFE_NAMES}
   AS ${t.body}
   DECLARE
     job uuid := ${t.fn('new_id')}();
     standing uuid;
   BEGIN
     IF coalesce(octet_length(push.name), 0) NOT BETWEEN 1 AND 200 OR strpos(push.name, ':') > 0 THEN
       RAISE EXCEPTION 'A job name has 1 to 200 bytes and no colon, got %', quote_nullable(push.name)
         USING ERRCODE = '22023';
     END IF;
     IF coalesce(octet_length(push.queue), 0) NOT BETWEEN 1 AND 200 THEN
       RAISE EXCEPTION 'A queue name has 1 to 200 bytes, got %', quote_nullable(push.queue)
         USING ERRCODE = '22023';
     END IF;
     IF jsonb_typeof(push.args) IS DISTINCT FROM 'object' OR octet_length(push.args::text) > 1048576 THEN
       RAISE EXCEPTION 'The arguments of a job are a JSON object of at most 1 MiB'
         USING ERRCODE = '22023';
     END IF;
     -- A text of so few bytes has no room for more levels.
     IF octet_length(push.args::text) > 200 AND ${isTooDeep('push.args')} THEN
       RAISE EXCEPTION 'The arguments of a job are nested at most 100 deep' USING ERRCODE = '22023';
     END IF;
     IF octet_length(push.meta::text) > 200 AND ${isTooDeep('push.meta')} THEN
       RAISE EXCEPTION 'The meta of a job is nested at most 100 deep' USING ERRCODE = '22023';
     END IF;
     IF push.priority IS NULL OR push.max_attempts NOT BETWEEN 1 AND 1000000 THEN
       RAISE EXCEPTION 'The priority of a job is a number and its attempts are 1 to 1000000'
         USING ERRCODE = '22023';
     END IF;
     IF octet_length(push.unique_key) NOT BETWEEN 1 AND 1000 THEN
       RAISE EXCEPTION 'A unique key has 1 to 1000 bytes' USING ERRCODE = '22023';
     END IF;
     IF push.scheduled_at NOT BETWEEN '1970-01-01 00:00Z' AND '9999-12-31 00:00Z' THEN
       RAISE EXCEPTION 'The time of a job lies between 1970 and 9999, got %', push.scheduled_at
         USING ERRCODE = '22023';
     END IF;
     IF jsonb_typeof(push.meta) <> 'object' OR octet_length(push.meta::text) > 65536 THEN
       RAISE EXCEPTION 'The meta of a job is a JSON object of at most 64 KiB'
         USING ERRCODE = '22023';
     END IF;
     LOOP
       SELECT p.holder::uuid INTO standing
         FROM ${t.fn('push_1')}(
                ARRAY[job], ARRAY[push.queue], ARRAY[push.name], ARRAY[push.args::text],
                ARRAY[push.priority], ARRAY[push.max_attempts],
                ARRAY[(extract(epoch FROM push.scheduled_at) * 1000)::float8], NULL,
                CASE WHEN push.unique_key IS NOT NULL THEN ARRAY[push.unique_key] END,
                ARRAY[CASE WHEN push.meta IS NOT NULL
                           THEN jsonb_build_object('meta', push.meta)::text END],
                false, 0, ARRAY[CASE WHEN push.scheduled_at > now()
                           THEN 'job.scheduled ' ELSE 'queue.pushed ' END || push.queue]) p;
       -- No row back: it was inserted. A row without a holder: the holder finished between the two
       -- statements, so the key is free now.
       EXIT WHEN NOT FOUND;
       IF standing IS NOT NULL THEN
         RETURN standing;
       END IF;
     END LOOP;
     RETURN job;
   END ${t.body}`,
]
