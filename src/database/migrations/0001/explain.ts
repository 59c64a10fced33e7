import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'
import { inLine } from './line.ts'

/**
 * Beside the settings of the hot functions: an order comes from an index or not at all, so that a
 * bounded count reads to its bound, whatever the statistics say.
 */
const BOUNDED_PLANS = `${STEADY_PLANS}
   SET enable_sort = off
   SET enable_incremental_sort = off`

/** The jobs of a group that are named as its holders. */
const MAX_HOLDERS = 1_000

/** What waits for its time. The index `jobs_later` has the same predicate. */
const LATER = 'j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside'

/** Why jobs wait. Both functions only read, and what they read is bounded by their arguments. */
export const explain = (t: Names): string[] => [
  // Without it the count of one queue walks over the scheduled jobs of all. Rows have no `seq` until
  // their first place in the line, which tells the scheduled ones from those that were tried before.
  `CREATE INDEX jobs_later ON ${t.jobs} (queue, seq)
     WHERE ready_seq IS NULL AND NOT blocked AND NOT aside`,

  `CREATE FUNCTION ${t.fn('explain_1')}(job uuid, bound int)
   RETURNS TABLE (
     state text, queue text, name text, scheduled_ms float8, run_ms float8, blocked boolean,
     concurrency_key text, concurrency_max int, running int, holders text, ahead int,
     queue_state text, resume_ms float8, tags text, rate_max int, rate_per_ms float8,
     next_start_ms float8, workers text, now_ms float8)
   LANGUAGE plpgsql STABLE ${BOUNDED_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     at timestamptz := clock_timestamp();
     found_job record;
     found_queue record;
     head record;
     rate_per interval;
     next_start timestamptz;
     low bigint;
     is_held boolean := false;
     used int := 0;
     users jsonb := '[]';
     before int;
   BEGIN
     SELECT j.state, j.queue, j.name::text AS name, j.scheduled_at, j.run_at, j.blocked,
            j.concurrency_key::text AS concurrency_key,
            greatest(j.concurrency_max, 1) AS max, j.priority, j.seq, j.ready_seq
       INTO found_job
       FROM ${t.jobs} j
      WHERE j.id = explain_1.job;
     IF NOT FOUND THEN
       RETURN;
     END IF;
     SELECT q.state, q.resume_at, q.tags, q.rate_max, q.rate_per_ms
       INTO found_queue
       FROM ${t.queues} q
      WHERE q.name = found_job.queue;

     -- Backwards from the job: of a long line the nearest are read, and never the head, where
     -- rows that are gone may lie in heaps.
     SELECT count(*)::int
       INTO before
       FROM (
         (SELECT 1
            FROM ${t.jobs} a
           WHERE a.queue = found_job.queue AND a.priority = found_job.priority
             AND a.ready_seq < found_job.ready_seq AND ${inLine('a')}
           ORDER BY a.ready_seq DESC
           LIMIT bound)
         UNION ALL
         (SELECT 1
            FROM ${t.jobs} a
           WHERE a.queue = found_job.queue AND a.priority > found_job.priority
             AND ${inLine('a')}
           ORDER BY a.priority, a.ready_seq DESC
           LIMIT bound)
         LIMIT bound) counted;

     ${nextStart('found_job.queue', t)}

     IF found_job.concurrency_key IS NOT NULL THEN
       SELECT max(g.low_seq)
         INTO low
         FROM ${t.concurrencyGroups} g
        WHERE g.key = found_job.concurrency_key;
       SELECT count(*)::int, coalesce(jsonb_agg(h.id) FILTER (WHERE h.n <= ${MAX_HOLDERS}), '[]')
         INTO used, users
         FROM (
           SELECT k.id, row_number() OVER () AS n
             FROM (
               SELECT r.id
                 FROM ${t.jobs} r
                WHERE r.concurrency_key = found_job.concurrency_key
                  AND r.claim_seq >= coalesce(low, 0)
                ORDER BY r.claim_seq
                LIMIT greatest(found_job.max, ${MAX_HOLDERS})) k) h;
       -- No job overtakes an older one of its group that is blocked.
       SELECT b.priority, b.seq
         INTO head
         FROM ${t.jobs} b
        WHERE b.blocked AND b.concurrency_key = found_job.concurrency_key
          AND b.queue = found_job.queue
        ORDER BY b.priority DESC, b.seq
        LIMIT 1;
       is_held := coalesce(head.priority > found_job.priority
                           OR (head.priority = found_job.priority AND head.seq < found_job.seq), false);
     END IF;

     RETURN QUERY
     SELECT found_job.state, found_job.queue, found_job.name,
            date_part('epoch', found_job.scheduled_at) * 1000,
            date_part('epoch', found_job.run_at) * 1000,
            found_job.blocked OR is_held, found_job.concurrency_key, found_job.max, used,
            users::text, before, found_queue.state,
            date_part('epoch', found_queue.resume_at) * 1000, found_queue.tags::text,
            found_queue.rate_max, found_queue.rate_per_ms,
            date_part('epoch', next_start) * 1000,
            ${livingWorkers(t)}, date_part('epoch', at) * 1000;
   END ${t.body}`,

  // Jobs of a queue by what keeps them, each counted to `bound`. Nothing is kept for this alone where
  // jobs are blocked or run, since that would cost every claim: there it walks over the groups, or
  // the running jobs, of all queues, over `look` at most.
  `CREATE FUNCTION ${t.fn('explain_queue_1')}(wanted_queue text, bound int, look int)
   RETURNS TABLE (
     queue_state text, ready int, scheduled int, backoff int, aside int,
     blocked int, blocked_more boolean, running int, running_more boolean,
     tags text, workers text, next_start_ms float8)
   LANGUAGE plpgsql STABLE ${BOUNDED_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     at timestamptz := clock_timestamp();
     found_queue record;
     rate_per interval;
     next_start timestamptz;
     walked record;
     seen record;
   BEGIN
     SELECT CASE WHEN q.state = 'paused' AND q.resume_at <= now() THEN 'active' ELSE q.state END AS state,
            q.tags, q.rate_max, q.rate_per_ms
       INTO found_queue
       FROM ${t.queues} q
      WHERE q.name = wanted_queue;
     ${nextStart('wanted_queue', t)}

     WITH RECURSIVE walk AS (
       SELECT ''::text COLLATE "C" AS key, 0 AS groups, 0 AS jobs
       UNION ALL
       SELECT n.key, walk.groups + 1, walk.jobs + c.jobs
         FROM walk
        CROSS JOIN LATERAL (
                SELECT b.concurrency_key AS key
                  FROM ${t.jobs} b
                 WHERE b.blocked AND b.concurrency_key > walk.key
                 ORDER BY b.concurrency_key
                 LIMIT 1) n
        CROSS JOIN LATERAL (
                SELECT count(*)::int AS jobs
                  FROM (
                    SELECT 1
                      FROM ${t.jobs} j
                     WHERE j.blocked AND j.concurrency_key = n.key AND j.queue = wanted_queue
                     ORDER BY j.priority DESC, j.seq
                     LIMIT bound - walk.jobs) counted) c
        WHERE walk.groups <= look AND walk.jobs < bound
     )
     SELECT max(walk.jobs) AS jobs, max(walk.groups) > look AS more INTO walked FROM walk;

     -- A job that was claimed again by the same worker stands in two of its claims.
     SELECT count(DISTINCT r.id) FILTER (WHERE r.queue = wanted_queue)::int AS jobs,
            count(*) > look AS more
       INTO seen
       FROM (
         SELECT j.queue, i.id
           FROM (
             SELECT i.id, c.worker_id
               FROM ${t.claims} c
              CROSS JOIN LATERAL unnest(c.ids) AS i(id)
              ORDER BY c.worker_id, c.claim_seq
              LIMIT look + 1) i
           LEFT JOIN LATERAL (
                  SELECT k.queue FROM ${t.jobs} k
                   WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
                  OFFSET 0) j ON true) r;

     RETURN QUERY
     SELECT found_queue.state,
            ${counted(inLine('j'), 'j.priority DESC, j.ready_seq', t)},
            ${counted(`${LATER} AND j.seq IS NULL`, 'j.seq', t)},
            ${counted(`${LATER} AND j.seq IS NOT NULL`, 'j.seq', t)},
            ${counted('j.aside', 'j.name, j.priority DESC, j.seq', t)},
            walked.jobs, walked.more, seen.jobs, seen.more, found_queue.tags::text,
            ${livingWorkers(t)}, date_part('epoch', next_start) * 1000;
   END ${t.body}`,
]

/** When a queue with a rate limit and no start left has one again; null while one is left. */
function nextStart(queue: string, t: Names): string {
  return `IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
       -- With this many starts in the window there is none left, until the oldest of them leaves it.
       rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
       SELECT s.at + rate_per
         INTO next_start
         FROM ${t.rateStarts} s
        WHERE s.queue = ${queue} AND s.at > at - rate_per
        ORDER BY s.at DESC
       OFFSET greatest(found_queue.rate_max, 1) - 1
        LIMIT 1;
     END IF;`
}

function livingWorkers(t: Names): string {
  return `coalesce((SELECT jsonb_agg(jsonb_build_object('tags', w.tags, 'names', w.names,
                                                         'queues', w.queues,
                                                         'refusals', w.refusals))
                        FROM ${t.workers} w
                       WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text`
}

/** In the order of an index, so that it is read to the bound and no further. */
function counted(condition: string, order: string, t: Names): string {
  return `(SELECT count(*)::int
               FROM (
                 SELECT 1
                   FROM ${t.jobs} j
                  WHERE j.queue = wanted_queue AND ${condition}
                  ORDER BY ${order}
                  LIMIT bound) counted)`
}
