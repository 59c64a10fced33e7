import type { Names } from '../../names.ts'
import { CLAIMED_COLUMNS, claimedValues, head, rareColumns } from './claimed.ts'
import {
  asideAndLine,
  lineInRanges,
  pickedFrom,
  putAside,
  surplusOfFull,
  wholeLine,
} from './line.ts'
import { FLOOR_VARIABLES, FROM_FLOORS, queueNow, readState } from './queue-state.ts'
import { SAFE_NAMES } from './safe-names.ts'
import { boundedText, READ } from './stored-text.ts'

/**
 * Settings of a function whose plans must not depend on statistics: the tables are empty one moment
 * and full the next, and each statement has one right plan, by its index. What is switched off counts
 * as very dear before PostgreSQL 18, and compiling such a plan would take longer than running it.
 */
export const STEADY_PLANS = `
   ${SAFE_NAMES}
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

/** Makes the groups of `keys` that are not there, in the order in which all of them are locked. */
export const missingGroups = (t: Names): string => `INSERT INTO ${t.concurrencyGroups} (key)
         SELECT k.key
           FROM unnest(keys) AS k(key)
          WHERE (SELECT true FROM ${t.concurrencyGroups} g WHERE g.key = k.key) IS NULL
          ORDER BY k.key
             ON CONFLICT DO NOTHING;`

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
 * them the ranges they name. Rows whose name the worker does not know leave the line for a lane of
 * their own, where they cost nobody anything; every claim also looks into that lane for the names its
 * worker knows.
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
     of_full tid[];
     looked int := 0;
     is_limited boolean;
     all_fit boolean;
     keys text[];
     places bigint[];
     locked text[];
     lows_held bigint[];
     used int[];
     oldest bigint[];
     head_priorities int[];
     head_seqs bigint[];
     claim_number bigint;
     start_at timestamptz;
     look_us int := 0;
     ${FLOOR_VARIABLES}
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
       ${FROM_FLOORS}
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
       -- With each key the place before which an older job may stand that was made ready: the whole
       -- front of the line, since an older one may have been blocked later. A job that was made ready
       -- itself can pass one only where several of its group may run.
       SELECT array_agg(k.key ORDER BY k.key), array_agg(k.place ORDER BY k.key)
         INTO keys, places
         FROM (
           SELECT j.concurrency_key AS key,
                  max(CASE WHEN j.concurrency_max > 1 OR coalesce(j.ready_seq, 0) >= 0
                           THEN 0::bigint END) AS place
             FROM ${t.jobs} j
            WHERE j.ctid = ANY (picked) AND j.concurrency_key IS NOT NULL
            GROUP BY j.concurrency_key) k;
       -- Missing groups are made before any is locked, in one order; then all are locked, in one
       -- order. One that the sweep took in between is missed here: everything is let go, and the
       -- claim begins again.
       IF (SELECT count(*) FROM ${t.concurrencyGroups} g WHERE g.key = ANY (keys))
          < cardinality(keys) THEN
         ${missingGroups(t)}
       END IF;
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
       SELECT array_agg(c.used), array_agg(c.oldest), array_agg(c.priority), array_agg(c.seq),
              cardinality(keys) = cardinality(picked) AND bool_and(c.used = 0 AND c.seq IS NULL)
         INTO used, oldest, head_priorities, head_seqs, all_fit
         FROM (
           SELECT r.used, r.oldest,
                  CASE WHEN b.priority > m.priority OR (b.priority = m.priority AND b.seq < m.seq)
                       THEN b.priority ELSE coalesce(m.priority, b.priority) END AS priority,
                  CASE WHEN b.priority > m.priority OR (b.priority = m.priority AND b.seq < m.seq)
                       THEN b.seq ELSE coalesce(m.seq, b.seq) END AS seq
             FROM unnest(keys, lows_held, places) WITH ORDINALITY AS k(key, low, place, n)
            CROSS JOIN LATERAL (
                    SELECT count(*)::int AS used, min(j.claim_seq) AS oldest
                      FROM ${t.jobs} j
                     WHERE j.concurrency_key = k.key AND j.claim_seq >= k.low) r
             LEFT JOIN LATERAL (
                    SELECT j.priority, j.seq
                      FROM ${t.jobs} j
                     WHERE j.blocked AND j.concurrency_key = k.key AND j.queue = wanted_queue
                     ORDER BY j.priority DESC, j.seq
                     LIMIT 1) b ON true
             -- Those that were blocked until a moment ago, after the snapshot of the scan, or that
             -- another claim is about to take. Few: no more are made ready than fit.
             LEFT JOIN LATERAL (
                    SELECT j.priority, j.seq
                      FROM ${t.jobs} j
                     WHERE j.ready_seq < k.place AND j.claim_seq IS NULL
                       AND j.concurrency_key = k.key AND j.queue = wanted_queue
                       AND j.ctid <> ALL (picked)
                     ORDER BY j.priority DESC, j.seq
                     LIMIT 1) m ON true
            ORDER BY k.n) c;

       -- One job of each group, and nobody runs or waits in any: most claims are like that.
       IF NOT all_fit THEN
         -- In each group by priority and age, up to the first that does not fit; and none before an
         -- older one that is blocked, or was.
         SELECT array_agg(f.tid) FILTER (WHERE f.fits), array_agg(f.id) FILTER (WHERE f.fits),
                array_agg(f.tid) FILTER (WHERE NOT f.fits),
                array_agg(f.tid) FILTER (WHERE f.is_full)
           INTO picked, ids, over, of_full
           FROM (
             SELECT c.tid, c.id, used[c.g] >= c.own_max AS is_full,
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
         IF picked IS NULL AND of_full IS NOT NULL THEN
           ${surplusOfFull(t)}
         END IF;
         IF over IS NOT NULL THEN
           UPDATE ${t.jobs} j
              SET blocked = true, ready_seq = NULL, aside = false
            WHERE j.ctid = ANY (over);
         END IF;
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
            -- No change in an ordinary job: what an index knows of it stays as it is. One that has a
            -- limit leaves the index of the line, and one that was aside gets the first place of
            -- all, which moves nobody's bound.
            claim_seq = CASE WHEN j.concurrency_key IS NOT NULL THEN claim_number END,
            aside = false, ready_seq = coalesce(j.ready_seq, ${-Number.MAX_SAFE_INTEGER})
      WHERE j.ctid = ANY (picked)
     RETURNING ${claimedValues(t, 'j')};
   END ${t.body}`,

  // What a worker runs by claims it does not know, for one that lost their answers.
  `CREATE FUNCTION ${t.fn('held_1')}(worker uuid, claim_seqs bigint[])
   RETURNS TABLE (${CLAIMED_COLUMNS}, claim_seq bigint, queue text, started_ms float8)
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY
     SELECT ${claimedValues(t, 'j')}, c.claim_seq, j.queue, date_part('epoch', j.started_at) * 1000
       FROM ${t.claims} c
      CROSS JOIN LATERAL unnest(c.ids) AS i(id)
      CROSS JOIN LATERAL (
              SELECT k.ctid, k.* FROM ${t.jobs} k WHERE k.id = i.id OFFSET 0) j
      WHERE c.worker_id = worker AND c.claim_seq = ANY (claim_seqs)
        AND j.state = 'running' AND j.worker_id = worker;
   END ${t.body}`,

  // What a claim did not bring along of a job, for the attempt that holds it.
  `CREATE FUNCTION ${t.fn('load_1')}(job uuid, of_fence bigint)
   RETURNS TABLE (args text, rest text)
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY
     SELECT ${boundedText(t, 'j.args', READ)}, ${rareColumns(t, 'j', READ)}
       FROM ${t.jobs} j
      WHERE j.id = job AND j.fence = of_fence AND j.state = 'running';
   END ${t.body}`,
]
