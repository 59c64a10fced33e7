import type { Names } from '../../names.ts'
import { missingGroups, OWN_MAX, READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { SAFE_NAMES } from './safe-names.ts'

/**
 * Concurrency groups. A limit is no counter but the number of running rows that hold it, counted in
 * a later statement than the one that locked the group: a count in the locking statement still sees
 * the snapshot from before the wait, and then the limit is broken.
 *
 * Jobs over their limit leave the line (`blocked`) and cost nobody anything. Whatever frees a slot
 * locks the group and makes as many ready as fit.
 *
 * The order of locks, for every function and statement of the schema: the queue, its rate starts,
 * workers, jobs, claims, groups by key, history; a notification last. It follows that
 *
 * - a transaction that holds a group takes jobs with SKIP LOCKED only, and no row of `claims`;
 * - a transaction that waits for a group has finished with its jobs. A claim takes its jobs with SKIP
 *   LOCKED, which follows a job of an older snapshot to its newest version: that of a job which
 *   another claim took meanwhile. It no longer fits, and its lock stays. So a finish may have to wait
 *   for its own job, behind a claim that waits for a group, and must not hold one then;
 * - jobs are waited for by finishes alone (and by a cancel, which takes one and nothing else), in
 *   the order of their places; recovery, staging, progress and sweeps pass over what is locked;
 * - missing groups are made, by key, before any is locked, and one transaction locks groups once: a
 *   claim makes one pass. What removes a waiting job makes the next one of its group ready in a
 *   transaction of its own.
 *
 * A finish, a release and a recovery change their jobs before they lock the groups. Until they commit,
 * others count these jobs as running, so that a count can only be too high; what a claim blocks for
 * that reason is found by the search for blocked jobs, a later statement than the lock.
 *
 * Whether a row exists is asked by a scalar subquery a key. EXISTS may become a join, and on a table
 * that was empty when it was last analysed that join reads the whole index for each batch of keys.
 */
export const groups = (t: Names): string[] => [
  // Locks what exists, in one order. For what ends running jobs: their groups cannot be missing.
  `CREATE FUNCTION ${t.fn('lock_groups_1')}(keys text[]) RETURNS void
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     PERFORM g.key
        FROM ${t.concurrencyGroups} g
       WHERE g.key = ANY (keys)
       ORDER BY g.key
         FOR NO KEY UPDATE;
   END ${t.body}`,

  // The caller holds the locks of all keys. For each queue with blocked jobs of a key as many as fit
  // get a place before everything that is ready, by priority and age, up to the first that does not
  // fit, or that an older one in the line comes before: a job with a small max is never overtaken by
  // its younger ones. Answers with the queues.
  `CREATE FUNCTION ${t.fn('ready_1')}(keys text[]) RETURNS TABLE (queue text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     held text[];
     lines text[];
     used int[];
   BEGIN
     -- One probe for the keys that nobody waits for: they are most.
     held := ARRAY(
       SELECT k.key
         FROM unnest(ready_1.keys) AS k(key)
        WHERE (SELECT true FROM ${t.jobs} b
                WHERE b.blocked AND b.concurrency_key = k.key LIMIT 1));
     IF cardinality(held) = 0 THEN
       RETURN;
     END IF;

     -- The queues of each key, one probe each, however many jobs are blocked in them.
     SELECT array_agg(q.key), array_agg(q.queue), array_agg(q.used)
       INTO held, lines, used
       FROM (
         SELECT k.key, l.queue, c.used
           FROM unnest(held) AS k(key)
          CROSS JOIN LATERAL (
                  SELECT count(*)::int AS used
                    FROM ${t.jobs} r
                    JOIN ${t.concurrencyGroups} g ON g.key = k.key
                   WHERE r.concurrency_key = k.key AND r.claim_seq >= g.low_seq) c
          CROSS JOIN LATERAL (
                  WITH RECURSIVE line AS (
                    (SELECT b.queue FROM ${t.jobs} b
                      WHERE b.blocked AND b.concurrency_key = k.key
                      ORDER BY b.queue LIMIT 1)
                    UNION ALL
                    SELECT (SELECT b.queue FROM ${t.jobs} b
                             WHERE b.blocked AND b.concurrency_key = k.key AND b.queue > line.queue
                             ORDER BY b.queue LIMIT 1)
                      FROM line
                     WHERE line.queue IS NOT NULL
                  )
                  SELECT line.queue FROM line WHERE line.queue IS NOT NULL) l) q;

     RETURN QUERY
     WITH fitting AS MATERIALIZED (
       SELECT x.tid, x.rank, l.n
         FROM unnest(held, lines, used) WITH ORDINALITY AS l(key, queue, used, n)
        CROSS JOIN LATERAL (
                SELECT ${OWN_MAX} AS max, j.priority
                  FROM ${t.jobs} j
                 WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                 ORDER BY j.priority DESC, j.seq
                 LIMIT 1) head
        CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE bounded.place < 0)::int AS ready,
                       min(bounded.place) FILTER (WHERE bounded.place >= 0) AS next
                  FROM (
                    SELECT r.ready_seq AS place
                      FROM ${t.jobs} r
                     -- Those in front of the line: they come next. One that is still in the line may
                     -- be far back, and if it counted, an older blocked one would wait for it. It
                     -- matters to younger ones alone, which were set aside at their push.
                     WHERE r.ready_seq IS NOT NULL AND r.claim_seq IS NULL
                       AND r.concurrency_key = l.key AND r.queue = l.queue
                       AND (r.ready_seq < 0 OR r.priority >= head.priority)
                     ORDER BY r.ready_seq
                     LIMIT head.max + 1) bounded) line
        CROSS JOIN LATERAL (
                SELECT b.tid, b.rank,
                       bool_and(l.used + line.ready + b.rank <= b.max AND b.is_next)
                         OVER (ORDER BY b.rank) AS fits
                  FROM (
                    SELECT p.tid, p.max, p.is_next, row_number() OVER () AS rank
                      FROM (
                        SELECT j.ctid AS tid, ${OWN_MAX} AS max,
                               (line.next IS NULL OR line.next > j.seq)
                               AND CASE WHEN j.priority < head.priority
                                        THEN (SELECT true
                                                FROM ${t.jobs} r
                                               WHERE r.ready_seq >= 0 AND r.ready_seq < j.seq
                                                 AND r.claim_seq IS NULL
                                                 AND r.concurrency_key = l.key AND r.queue = l.queue
                                                 AND r.priority >= j.priority
                                               LIMIT 1) IS NULL
                                        ELSE true END AS is_next
                          FROM ${t.jobs} j
                         WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                         ORDER BY j.priority DESC, j.seq
                         LIMIT greatest(head.max - l.used - line.ready, 0)
                           FOR NO KEY UPDATE SKIP LOCKED) p) b) x
        WHERE x.fits
        ORDER BY l.n, x.rank
     ), placed AS MATERIALIZED (
       SELECT f.tid, nextval(${t.sequence('front')}) AS place FROM fitting f
     ), ready AS (
       UPDATE ${t.jobs} j
          SET blocked = false, ready_seq = p.place
         FROM placed p
        WHERE j.ctid = p.tid
       RETURNING j.queue
     )
     SELECT DISTINCT r.queue FROM ready r;
   END ${t.body}`,

  // For whoever removed a waiting job in a transaction before this one.
  `CREATE FUNCTION ${t.fn('make_ready_1')}(keys text[]) RETURNS TABLE (queue text)
   LANGUAGE plpgsql ${SAFE_NAMES}
   AS ${t.body}
   BEGIN
     ${READ_COMMITTED_ONLY}
     PERFORM ${t.fn('lock_groups_1')}(keys);
     RETURN QUERY SELECT r.queue FROM ${t.fn('ready_1')}(keys) r;
   END ${t.body}`,

  // What a lost wake-up left behind: blocked jobs whose group has room. At most \`room\` keys after
  // the given one; the last row has no queue and says where to go on (null: from the beginning).
  `CREATE FUNCTION ${t.fn('sweep_blocked_1')}(after_key text, room int)
   RETURNS TABLE (queue text, last_key text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     keys text[];
     free text[];
   BEGIN
     ${READ_COMMITTED_ONLY}
     WITH RECURSIVE blocked AS (
       (SELECT b.concurrency_key AS key, 1 AS n FROM ${t.jobs} b
         WHERE b.blocked AND b.concurrency_key > coalesce(after_key, '')
         ORDER BY b.concurrency_key LIMIT 1)
       UNION ALL
       SELECT (SELECT b.concurrency_key FROM ${t.jobs} b
                WHERE b.blocked AND b.concurrency_key > blocked.key
                ORDER BY b.concurrency_key LIMIT 1), blocked.n + 1
         FROM blocked
        WHERE blocked.key IS NOT NULL AND blocked.n < room
     )
     SELECT array_agg(b.key ORDER BY b.n) INTO keys FROM blocked b WHERE b.key IS NOT NULL;
     IF keys IS NULL THEN
       RETURN QUERY SELECT NULL::text, NULL::text;
       RETURN;
     END IF;
     -- A group that somebody works on is in good hands. One without a row is made: its jobs are
     -- blocked, so nobody else would.
     ${missingGroups(t)}
     free := ARRAY(
       SELECT g.key
         FROM ${t.concurrencyGroups} g
        WHERE g.key = ANY (keys)
        ORDER BY g.key
          FOR NO KEY UPDATE SKIP LOCKED);
     RETURN QUERY SELECT r.queue, NULL::text FROM ${t.fn('ready_1')}(free) r;
     RETURN QUERY SELECT NULL::text,
                         CASE WHEN cardinality(keys) = room THEN keys[cardinality(keys)] END;
   END ${t.body}`,

  // Rows of groups without a job. Locked first, looked at in a later statement: a claim that comes
  // between finds its group missing and begins again.
  `CREATE FUNCTION ${t.fn('sweep_groups_1')}(after_key text, room int)
   RETURNS TABLE (removed int, last_key text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   DECLARE
     keys text[];
     count_removed int;
   BEGIN
     ${READ_COMMITTED_ONLY}
     keys := ARRAY(
       SELECT g.key
         FROM ${t.concurrencyGroups} g
        WHERE g.key > coalesce(after_key, '')
        ORDER BY g.key
        LIMIT room
          FOR UPDATE SKIP LOCKED);
     DELETE FROM ${t.concurrencyGroups} g
      WHERE g.key = ANY (keys)
        AND (SELECT true FROM ${t.jobs} j
              WHERE j.claim_seq IS NOT NULL AND j.concurrency_key = g.key LIMIT 1) IS NULL
        AND (SELECT true FROM ${t.jobs} j
              WHERE j.blocked AND j.concurrency_key = g.key LIMIT 1) IS NULL
        AND (SELECT true FROM ${t.jobs} j
              WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL
                AND j.concurrency_key = g.key LIMIT 1) IS NULL;
     GET DIAGNOSTICS count_removed = ROW_COUNT;
     RETURN QUERY SELECT count_removed,
                         CASE WHEN cardinality(keys) = room THEN keys[cardinality(keys)] END;
   END ${t.body}`,
]
