import { type Names, quoteLiteral } from '../../names.ts'
import { NOTIFY_ROOM } from '../../notify-room.ts'
import { HIGHEST_FENCE, OWN_MAX, READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { keptRetention, MOVED_COLUMNS, movedColumns } from './finish.ts'
import { surplusFrom, waitingBefore } from './surplus.ts'

/** Whether the job of `i.id` runs under the claim `c`. By its id alone: no plan may begin elsewhere. */
export const stillRuns = (t: Names): string => `EXISTS (
                  SELECT 1
                    FROM (SELECT k.state, k.worker_id FROM ${t.jobs} k WHERE k.id = i.id OFFSET 0) j
                   WHERE j.state = 'running' AND j.worker_id = c.worker_id)`

/**
 * What brings jobs back: `recover_1` for those of workers without a lease, `stage_1` for those whose
 * time has come.
 */
export const recover = (t: Names): string[] => [
  // Answers with one row a job: what became of it.
  `CREATE FUNCTION ${t.fn('recover_1')}(room int, max_crashes int, spread_ms float8)
   RETURNS TABLE (id text, queue text, name text, worker text, verdict text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     gone uuid[];
     spared uuid[];
     stuck uuid[];
     held tid[];
     keys text[];
     at timestamptz := clock_timestamp();
   BEGIN
     ${READ_COMMITTED_ONLY}
     -- The holders of claims, one index probe each, whatever the number of jobs.
     WITH RECURSIVE holders AS (
       (SELECT c.worker_id FROM ${t.claims} c ORDER BY c.worker_id LIMIT 1)
       UNION ALL
       SELECT (SELECT c.worker_id FROM ${t.claims} c
                WHERE c.worker_id > h.worker_id
                ORDER BY c.worker_id LIMIT 1)
         FROM holders h
        WHERE h.worker_id IS NOT NULL
     )
     SELECT array_agg(h.worker_id), array_agg(h.worker_id) FILTER (WHERE w.amnesty)
       INTO gone, spared
       FROM holders h
       LEFT JOIN ${t.workers} w ON w.id = h.worker_id
      WHERE h.worker_id IS NOT NULL AND (w.id IS NULL OR w.revoked_at IS NOT NULL);
     IF gone IS NULL THEN
       RETURN;
     END IF;

     -- Locked in the order of ids; a finish that holds one of them is still in the right.
     stuck := ARRAY(
       SELECT s.id
         FROM (
           SELECT i.id
             FROM ${t.claims} c
            CROSS JOIN LATERAL unnest(c.ids) AS i(id)
            WHERE c.worker_id = ANY (gone) AND ${stillRuns(t)}
            LIMIT room) s
        ORDER BY s.id);
     SELECT array_agg(DISTINCT j.concurrency_key)
       INTO keys
       FROM unnest(stuck) AS s(id)
      CROSS JOIN LATERAL (
              SELECT k.concurrency_key FROM ${t.jobs} k WHERE k.id = s.id OFFSET 0) j
      WHERE j.concurrency_key IS NOT NULL;
     held := ARRAY(
       SELECT h.tid
         FROM unnest(stuck) AS s(id)
        CROSS JOIN LATERAL (
                SELECT j.ctid AS tid, j.state, j.worker_id
                  FROM ${t.jobs} j
                 WHERE j.id = s.id
                   FOR NO KEY UPDATE SKIP LOCKED) h
        WHERE h.state = 'running' AND h.worker_id = ANY (gone));

     RETURN QUERY
     WITH ended AS (
       DELETE FROM ${t.jobs} j
        WHERE j.ctid = ANY (held)
          AND (j.cancel_requested_at IS NOT NULL
               OR (j.crashes + 1 >= max_crashes AND j.worker_id <> ALL (coalesce(spared, '{}'))))
       RETURNING ${movedColumns('j')}, j.retention, j.progress, j.errors, j.meta,
                 j.cancel_requested_at
     ), put AS (
       INSERT INTO ${t.finishedJobs} (
              ${MOVED_COLUMNS.filter((column) => column !== 'fence' && column !== 'crashes').join(', ')},
              fence, crashes, finished_at, retention, progress, errors, meta, state)
       SELECT ${MOVED_COLUMNS.filter((column) => column !== 'fence' && column !== 'crashes')
         .map((column) => `e.${column}`)
         .join(', ')},
              least(e.fence, ${HIGHEST_FENCE}) + 1, least(e.crashes, max_crashes) + 1, at,
              ${keptRetention('e')}, e.progress,
              ${t.fn('with_error_1')}(e.errors,
                CASE WHEN e.cancel_requested_at IS NOT NULL
                     THEN ${t.fn('cancelled_entry_1')}(e.attempts)
                     ELSE jsonb_build_object('attempt', e.attempts, 'kind', 'crash',
                            'name', 'AttemptError', 'stack', NULL,
                            'message', format('The worker of this job was lost %s times.',
                                              least(e.crashes, max_crashes) + 1)) END, at),
              e.meta,
              CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END
         FROM ended e
       RETURNING id, queue, name, worker_id, state
     ), told AS (
       SELECT pg_notify(${quoteLiteral(t.channel)}, 'job.finished ' || w.job_id::text)
         FROM ${t.waiters} w
        WHERE w.job_id IN (SELECT p.id FROM put p) AND ${NOTIFY_ROOM}
     )
     SELECT p.id::text, p.queue, p.name, p.worker_id::text, p.state
       FROM put p
      WHERE (SELECT count(*) FROM told) >= 0;

     RETURN QUERY
     UPDATE ${t.jobs} j
        SET state = 'pending', fence = least(j.fence, ${HIGHEST_FENCE}) + 1,
            attempts = greatest(j.attempts - 1, 0),
            crashes = least(j.crashes, max_crashes) + CASE WHEN j.worker_id = ANY (coalesce(spared, '{}')) THEN 0 ELSE 1 END,
            claim_seq = NULL, ready_seq = NULL, run_at = at + make_interval(secs => random() * spread_ms / 1000)
      WHERE j.ctid = ANY (held)
     RETURNING j.id::text, j.queue, j.name::text, j.worker_id::text, 'recovered';
     -- What somebody still holds for a moment keeps its claim, for the next pass. A finish of that
     -- worker removes claims too, in an order of its own: if this waited for it, they would deadlock.
     DELETE FROM ${t.claims} o
      WHERE o.ctid = ANY (ARRAY(
              SELECT c.ctid
                FROM ${t.claims} c
               WHERE c.worker_id = ANY (gone)
                 AND NOT EXISTS (SELECT 1 FROM unnest(c.ids) AS i(id) WHERE ${stillRuns(t)})
                 FOR UPDATE SKIP LOCKED));
     IF keys IS NOT NULL THEN
       -- After the jobs: see the order of locks.
       PERFORM ${t.fn('lock_groups_1')}(keys);
       RETURN QUERY SELECT NULL::text, r.queue, NULL::text, NULL::text, 'ready'
                      FROM ${t.fn('ready_1')}(keys) r;
     END IF;
   END ${t.body}`,

  // Gives their places to jobs whose time has come, oldest first. Answers with the queues touched
  // and, in a last row without a queue, the milliseconds until the next one (null: none waits).
  `CREATE FUNCTION ${t.fn('stage_1')}(room int, given_now timestamptz)
   RETURNS TABLE (queue text, staged int, next_ms float8)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     at timestamptz := coalesce(given_now, clock_timestamp());
     drawn bigint := (SELECT s.last_value FROM ${t.own('line')} s);
   BEGIN
     ${READ_COMMITTED_ONLY}
     RETURN QUERY
     WITH due AS MATERIALIZED (
       SELECT j.ctid AS tid, j.run_at, j.concurrency_key AS key, j.queue, j.priority, ${OWN_MAX} AS max
         FROM ${t.jobs} j
        WHERE j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside
          AND j.run_at <= at
        ORDER BY j.run_at
        LIMIT room
          FOR NO KEY UPDATE SKIP LOCKED
     ), placed AS MATERIALIZED (
       -- One place a row, drawn in the order of the times. What is surplus in its group is set aside.
       SELECT d.tid, d.is_surplus, nextval(${t.sequence('line')}) AS place
         FROM (
           SELECT due.tid, due.run_at, false AS is_surplus FROM due WHERE due.key IS NULL
           UNION ALL
           SELECT k.tid, k.run_at, k.rank + k.waiting > ${surplusFrom('k.max')}
             FROM (
               SELECT g.tid, g.run_at, g.rank, g.max,
                      max(CASE WHEN g.rank = 1 THEN (${waitingBefore(t, 'drawn')}) END)
                        OVER (PARTITION BY g.key, g.queue, g.priority) AS waiting
                 FROM (
                   SELECT due.*, row_number() OVER (PARTITION BY due.key, due.queue, due.priority
                                                        ORDER BY due.run_at) AS rank
                     FROM due
                    WHERE due.key IS NOT NULL) g) k
            ORDER BY run_at) d
     ), ready AS (
       UPDATE ${t.jobs} j
          SET ready_seq = CASE WHEN p.is_surplus THEN NULL ELSE p.place END, blocked = p.is_surplus,
              seq = coalesce(j.seq, p.place), run_at = NULL
         FROM placed p
        WHERE j.ctid = p.tid
       RETURNING j.queue
     )
     SELECT r.queue, count(*)::int, NULL::float8 FROM ready r GROUP BY r.queue;

     RETURN QUERY
     SELECT NULL::text, 0,
            (SELECT extract(epoch FROM j.run_at - at)::float8 * 1000
               FROM ${t.jobs} j
              WHERE j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside
                -- Before PostgreSQL 17 nothing can be subtracted from infinity.
                AND j.run_at < 'infinity'
              ORDER BY j.run_at
              LIMIT 1);
   END ${t.body}`,
]
