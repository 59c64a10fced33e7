import { type Names, quoteLiteral } from '../../names.ts'
import { asideAndLine, lineInRanges, pickedFrom, putAside, wholeLine } from './line.ts'

/**
 * Settings of a function whose plans must not depend on statistics: the tables are empty one moment
 * and full the next, and each statement has one right plan, by its index. What is switched off counts
 * as very dear before PostgreSQL 18, and compiling such a plan would take longer than running it.
 */
export const STEADY_PLANS = `
   SET plan_cache_mode = force_generic_plan
   SET enable_seqscan = off
   SET enable_bitmapscan = off
   SET enable_hashjoin = off
   SET enable_mergejoin = off
   SET jit = off`

/** The last numbers that may still grow by one: of an `int`, and of what JavaScript counts exactly. */
export const MOST_ATTEMPTS = 2_147_483_646
export const HIGHEST_FENCE = Number.MAX_SAFE_INTEGER - 1

/** A row written by hand may hold anything; below one it could never run. */
export const OWN_MAX = 'greatest(coalesce(j.concurrency_max, 1), 1)'

/** Refuses to run where a statement does not see what earlier ones waited for. */
export const READ_COMMITTED_ONLY = `
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;`

/**
 * `claim_1` takes up to `room` jobs of a queue for a worker. Its first row, without an id, is about the
 * pass:
 *
 * - `name`: how the queue is ('active', 'paused', 'undeclared'), or 'revoked' when the worker's lease
 *   is gone;
 * - `priority`: how many rows were looked at, and `attempts`: how many could have been taken;
 * - `fence`: the number of the claim, when it took something;
 * - `scheduled_ms`: when its jobs started; `created_ms`: for a queue with a rate limit and no start
 *   left, how long until the next, in milliseconds, otherwise 0;
 * - `max_attempts`: how long the look at the whole line took, in microseconds.
 *
 * The other rows are the jobs. Without `highs` the whole line is looked at, from its floors on, and with
 * them the ranges they name. Rows whose name the worker does not know leave the line for a lane of their own, where
 * they cost nobody anything; every claim also looks into that lane for the names its worker knows.
 */
export const claim = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('claim_1')}(
     wanted_queue text, worker uuid, room int, names text[], durable boolean,
     highs bigint[] DEFAULT NULL, lows bigint[] DEFAULT NULL, afters bigint[] DEFAULT NULL,
     befores bigint[] DEFAULT NULL)
   RETURNS TABLE (${CLAIMED_COLUMNS})
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     queue_state text;
     has_aside boolean;
     is_whole boolean := highs IS NULL;
     rate_max int;
     rate_per interval;
     starts int;
     next_start timestamptz;
     picked tid[];
     ids uuid[];
     strange tid[];
     over tid[];
     looked int := 0;
     is_limited boolean;
     keys text[];
     locked text[];
     lows_held bigint[];
     used int[];
     oldest bigint[];
     head_priorities int[];
     head_seqs bigint[];
     claim_number bigint;
     start_at timestamptz;
     look_us int := 0;
   BEGIN
     ${READ_COMMITTED_ONLY}
     ${readState(t)}
     IF queue_state <> 'active' THEN
       ${head('0')}
       RETURN;
     END IF;
     IF NOT durable THEN
       PERFORM set_config('synchronous_commit', 'off', true);
     END IF;

     start_at := clock_timestamp();
     IF rate_max IS NOT NULL THEN
       -- The lock first; the limit, the clock and the count in later statements: each may have changed
       -- during the wait, and now() is as old as that.
       PERFORM 1 FROM ${t.queues} q WHERE q.name = wanted_queue FOR NO KEY UPDATE;
       SELECT q.state, q.rate_max, q.rate_per
         INTO queue_state, rate_max, rate_per
         FROM (${queueNow(t)}) q;
       IF queue_state IS DISTINCT FROM 'active' THEN
         queue_state := coalesce(queue_state, 'undeclared');
         ${head('0')}
         RETURN;
       END IF;
     END IF;
     IF rate_max IS NOT NULL THEN
       start_at := clock_timestamp();
       DELETE FROM ${t.rateStarts} s WHERE s.queue = wanted_queue AND s.at <= start_at - rate_per;
       SELECT count(*) INTO starts FROM ${t.rateStarts} s WHERE s.queue = wanted_queue;
       room := least(room, rate_max - starts);
       IF room <= 0 THEN
         -- The window is free again when so many of its starts have left it that one more fits.
         SELECT s.at + rate_per INTO next_start
           FROM ${t.rateStarts} s
          WHERE s.queue = wanted_queue
          ORDER BY s.at
         OFFSET greatest(starts - rate_max, 0)
          LIMIT 1;
         room := 0;
         ${head(`CASE WHEN next_start IS NULL THEN 1000
                      ELSE greatest(date_part('epoch', next_start - start_at) * 1000, 1) END`)}
         RETURN;
       END IF;
     END IF;

     IF is_whole THEN
       -- None while transactions are left out that nobody looks after.
       SELECT l.highs, l.lows, l.afters, l.befores
         INTO highs, lows, afters, befores
         FROM ${t.lineFloors} l
        WHERE l.queue = wanted_queue
          AND (cardinality(l.left_out) = 0 OR l.raised_at > now() - interval '1 minute');
     END IF;
     IF has_aside THEN
       -- Both arms are bounded by the room; what is locked here and not taken is free again at the
       -- end of this transaction.
       IF highs IS NULL THEN
         ${pickedFrom(asideAndLine(t, wholeLine(t)))};
       ELSE
         ${pickedFrom(asideAndLine(t, lineInRanges(t)))};
       END IF;
     ELSIF highs IS NULL THEN
       ${pickedFrom(wholeLine(t))};
     ELSE
       ${pickedFrom(lineInRanges(t))};
     END IF;
     IF is_whole THEN
       look_us := least(date_part('epoch', clock_timestamp() - start_at) * 1000000, 2000000000)::int;
     END IF;
     IF strange IS NOT NULL THEN
       ${putAside(t)}
     END IF;
     IF picked IS NULL THEN
       ${head('0')}
       RETURN;
     END IF;

     IF is_limited THEN
       SELECT array_agg(DISTINCT j.concurrency_key ORDER BY j.concurrency_key)
         INTO keys
         FROM ${t.jobs} j
        WHERE j.ctid = ANY (picked) AND j.concurrency_key IS NOT NULL;
       -- Missing groups are made before any is locked, in one order; then all are locked, in one
       -- order. One that the sweep took in between is missed here: everything is let go, and the
       -- claim begins again.
       INSERT INTO ${t.concurrencyGroups} (key)
       SELECT k.key
         FROM unnest(keys) AS k(key)
        WHERE (SELECT true FROM ${t.concurrencyGroups} g WHERE g.key = k.key) IS NULL
        ORDER BY k.key
           ON CONFLICT DO NOTHING;
       SELECT array_agg(l.key), array_agg(l.low_seq)
         INTO locked, lows_held
         FROM (
           SELECT g.key, g.low_seq
             FROM ${t.concurrencyGroups} g
            WHERE g.key = ANY (keys)
            ORDER BY g.key
              FOR NO KEY UPDATE) l;
       IF cardinality(locked) IS DISTINCT FROM cardinality(keys) THEN
         RAISE EXCEPTION 'a group was swept away while it was claimed from' USING ERRCODE = 'CH002';
       END IF;
       claim_number := nextval(${t.sequence('claim_numbers')});

       -- Later statements than the lock: they see what its last holder did.
       SELECT array_agg(c.used ORDER BY c.n), array_agg(c.oldest ORDER BY c.n)
         INTO used, oldest
         FROM (
           SELECT k.n, r.used, r.oldest
             FROM unnest(keys, lows_held) WITH ORDINALITY AS k(key, low, n)
            CROSS JOIN LATERAL (
                    SELECT count(*)::int AS used, min(j.claim_seq) AS oldest
                      FROM ${t.jobs} j
                     WHERE j.concurrency_key = k.key AND j.claim_seq >= k.low) r) c;
       SELECT array_agg(h.priority ORDER BY h.n), array_agg(h.seq ORDER BY h.n)
         INTO head_priorities, head_seqs
         FROM (
           SELECT k.n, b.priority, b.seq
             FROM unnest(keys) WITH ORDINALITY AS k(key, n)
             LEFT JOIN LATERAL (
                    SELECT j.priority, j.seq
                      FROM ${t.jobs} j
                     WHERE j.blocked AND j.concurrency_key = k.key AND j.queue = wanted_queue
                     ORDER BY j.priority DESC, j.seq
                     LIMIT 1) b ON true) h;

       -- In each group by priority and age, up to the first that does not fit; and none before an
       -- older one that is blocked.
       SELECT array_agg(f.tid) FILTER (WHERE f.fits), array_agg(f.id) FILTER (WHERE f.fits),
              array_agg(f.tid) FILTER (WHERE NOT f.fits)
         INTO picked, ids, over
         FROM (
           SELECT c.tid, c.id,
                  c.key IS NULL OR bool_and(
                    used[c.g] + c.rank <= c.own_max
                    AND (head_seqs[c.g] IS NULL OR head_priorities[c.g] < c.priority
                         OR (head_priorities[c.g] = c.priority AND head_seqs[c.g] > c.seq)))
                    OVER (PARTITION BY c.g ORDER BY c.rank) AS fits
             FROM (
               SELECT j.ctid AS tid, j.id, j.concurrency_key AS key, ${OWN_MAX} AS own_max, j.priority, j.seq,
                      dense_rank() OVER (ORDER BY j.concurrency_key) AS g,
                      row_number() OVER (PARTITION BY j.concurrency_key
                                             ORDER BY j.priority DESC, j.seq) AS rank
                 FROM ${t.jobs} j
                WHERE j.ctid = ANY (picked)) c) f;
       IF over IS NOT NULL THEN
         UPDATE ${t.jobs} j
            SET blocked = true, ready_seq = NULL, aside = false
          WHERE j.ctid = ANY (over);
       END IF;
       -- A bound for the count, moved seldom: under an old transaction the index keeps every job that
       -- ran in the group since.
       UPDATE ${t.concurrencyGroups} g
          SET low_seq = k.low
         FROM (SELECT u.key, coalesce(u.oldest, claim_number) AS low, u.was
                 FROM unnest(keys, oldest, lows_held) AS u(key, oldest, was)) k
        WHERE g.key = k.key AND k.low - k.was > 1000;
       IF picked IS NULL THEN
         ${head('0')}
         RETURN;
       END IF;
     ELSE
       claim_number := nextval(${t.sequence('claim_numbers')});
     END IF;

     INSERT INTO ${t.claims} (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
     IF rate_max IS NULL THEN
       start_at := clock_timestamp();
     ELSE
       INSERT INTO ${t.rateStarts} (queue, at)
       SELECT wanted_queue, start_at FROM generate_series(1, cardinality(picked));
     END IF;
     ${head('0')}
     RETURN QUERY
     UPDATE ${t.jobs} j
        SET state = 'running', worker_id = worker, started_at = start_at,
            -- Bounded, since one row that overflows would fail the claim of all, again and again.
            attempts = least(j.attempts, ${MOST_ATTEMPTS}) + 1,
            fence = least(j.fence, ${HIGHEST_FENCE}) + 1,
            -- No change in an ordinary job: what an index knows of it stays as it is. One that was aside
            -- gets the first place of all, which moves nobody's bound.
            claim_seq = CASE WHEN j.concurrency_key IS NOT NULL THEN claim_number END,
            aside = false, ready_seq = coalesce(j.ready_seq, ${-Number.MAX_SAFE_INTEGER})
      WHERE j.ctid = ANY (picked)
     RETURNING ${claimedValues('j')};
   END ${t.body}`,

  // A push whose process has a worker at rest: the rows are inserted and claimed in one transaction, so
  // that a lone job starts after one commit and not after two. Where nothing else is in the line they
  // are written as running; otherwise the line is claimed from, by the rules of all. What was not taken
  // is told to the others; what was concerns nobody.
  `CREATE FUNCTION ${t.fn('push_and_claim_1')}(
     ids uuid[], queues text[], names text[], all_args text[], priorities int[],
     most_attempts int[], rests text[], payloads text[],
     wanted_queue text, worker uuid, room int, known text[], durable boolean,
     highs bigint[], lows bigint[], afters bigint[], befores bigint[])
   RETURNS TABLE (${CLAIMED_COLUMNS})
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
     queue_state text;
     has_aside boolean;
     rate_max int;
     rate_per interval;
     looked int := cardinality(ids);
     claim_number bigint;
     start_at timestamptz := clock_timestamp();
     look_us int;
   BEGIN
     ${READ_COMMITTED_ONLY}
     IF highs IS NULL AND rests IS NULL AND looked < room THEN
       ${readState(t)}
       IF queue_state = 'active' AND rate_max IS NULL AND has_aside IS NULL
          AND (SELECT true FROM ${t.lineFloors} l WHERE l.queue = wanted_queue) IS NULL
          AND (SELECT true FROM (${wholeLine(t, '1')}) l) IS NULL THEN
         look_us := least(date_part('epoch', clock_timestamp() - start_at) * 1000000, 2000000000)::int;
         claim_number := nextval(${t.sequence('claim_numbers')});
         INSERT INTO ${t.claims} (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
         start_at := clock_timestamp();
         ${head('0')}
         RETURN QUERY
         INSERT INTO ${t.jobs} AS j (
                id, queue, name, args, priority, max_attempts, seq, ready_seq, state, worker_id, started_at,
                attempts, fence)
         SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.place, g.place,
                'running', worker, start_at, 1, 1
           FROM (
             SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts,
                    nextval(${t.sequence('line')}) AS place
               FROM unnest(ids, queues, names, all_args, priorities, most_attempts)
                 AS r(id, queue, name, args, priority, max_attempts)) g
         RETURNING ${claimedValues('j')};
         RETURN;
       END IF;
     END IF;
     PERFORM ${t.fn('push_1')}(
       ids, queues, names, all_args, priorities, most_attempts, NULL, NULL, NULL, rests, false, 0, NULL);
     RETURN QUERY
     SELECT c.* FROM ${t.fn('claim_1')}(
       wanted_queue, worker, room, known, durable, highs, lows, afters, befores) c;
     IF payloads IS NOT NULL AND EXISTS (
          SELECT 1 FROM ${t.jobs} j
           WHERE j.id = ANY (ids) AND j.state <> 'running') THEN
       PERFORM pg_notify(${quoteLiteral(t.channel)}, p) FROM unnest(payloads) AS p;
     END IF;
   END ${t.body}`,

  // What a worker runs by claims it does not know, for one that lost their answers.
  `CREATE FUNCTION ${t.fn('held_1')}(worker uuid, claim_seqs bigint[])
   RETURNS TABLE (${CLAIMED_COLUMNS}, claim_seq bigint, queue text, started_ms float8)
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY
     SELECT ${claimedValues('j')}, c.claim_seq, j.queue, date_part('epoch', j.started_at) * 1000
       FROM ${t.claims} c
      CROSS JOIN LATERAL unnest(c.ids) AS i(id)
      CROSS JOIN LATERAL (
              SELECT k.ctid, k.* FROM ${t.jobs} k WHERE k.id = i.id OFFSET 0) j
      WHERE c.worker_id = worker AND c.claim_seq = ANY (claim_seqs)
        AND j.state = 'running' AND j.worker_id = worker;
   END ${t.body}`,
]

/** How things stand before a claim, in one statement. */
function readState(t: Names): string {
  return `SELECT CASE WHEN (SELECT true FROM ${t.workers} w WHERE w.id = worker AND w.revoked_at IS NULL)
                 THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
            q.rate_max, q.rate_per,
            (SELECT true FROM ${t.jobs} j WHERE j.aside AND j.queue = wanted_queue LIMIT 1)
       INTO queue_state, rate_max, rate_per, has_aside
       FROM (VALUES (1)) AS one(row)
       LEFT JOIN LATERAL (${queueNow(t)}) q ON true;`
}

/** How the queue is, and its rate limit; nulls where there is none. */
function queueNow(t: Names): string {
  return `SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM ${t.queues} k
              WHERE k.name = wanted_queue`
}

/** The row about the pass, which comes before the jobs. By assignment, which needs no statement. */
function head(waitMs: string): string {
  const columns = {
    name: 'queue_state',
    priority: 'looked',
    attempts: `CASE queue_state WHEN 'active' THEN room ELSE 0 END`,
    max_attempts: 'look_us',
    fence: 'claim_number',
    created_ms: waitMs,
    scheduled_ms: `date_part('epoch', start_at) * 1000`,
  }
  const values = Object.entries(columns).map(([column, value]) => `${column} := ${value};`)
  return `${values.join(' ')} RETURN NEXT;`
}

const CLAIMED_COLUMNS = `
     id uuid, name text, args text, priority int, attempts int, max_attempts int, fence bigint,
     ready_seq bigint, created_ms float8, scheduled_ms float8, rest text, place tid`

function claimedValues(j: string): string {
  return `${j}.id, ${j}.name, ${j}.args::text, ${j}.priority, ${j}.attempts, ${j}.max_attempts,
               ${j}.fence, ${j}.ready_seq, date_part('epoch', ${j}.created_at) * 1000,
               date_part('epoch', ${j}.scheduled_at) * 1000, ${rareColumns(j)}, ${j}.ctid`
}

/**
 * Columns that most jobs leave empty travel as one JSON object, null in the ordinary case: each
 * column of its own would cost every job. Empty ones are left out, but no null inside of a value is.
 */
function rareColumns(j: string): string {
  const plain = [
    'unique_key',
    'concurrency_key',
    'concurrency_max',
    'limits',
    'backoff',
    'cancel_requested_at',
  ]
  // What users wrote may have nulls inside, which are theirs.
  const users = ['progress', 'errors', 'meta']
  const pairs = plain.map((column) => `'${column}', ${j}.${column}`)
  pairs.push(`'retention_ms', extract(epoch FROM ${j}.retention) * 1000`)
  pairs.push(`'crashes', nullif(${j}.crashes, 0)`)
  const isNull = (columns: string[]): string =>
    columns.map((column) => `${j}.${column} IS NULL`).join(' AND ')
  const ofUsers = users.map(
    (column) => `CASE WHEN ${j}.${column} IS NULL THEN '{}'
                                   ELSE jsonb_build_object('${column}', ${j}.${column}) END`,
  )
  return `CASE WHEN NOT (${isNull([...plain, 'retention', ...users])} AND ${j}.crashes = 0)
                 THEN (jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')}))
                       || CASE WHEN ${isNull(users)} THEN '{}'
                               ELSE ${ofUsers.join(' || ')} END)::text END`
}
