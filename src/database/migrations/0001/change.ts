import { type Names, quoteLiteral } from '../../names.ts'
import { NOTIFY_ROOM } from '../../notify-room.ts'
import { READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { keptRetention, MOVED_COLUMNS, movedColumns } from './finish.ts'

/** What people do to one job: cancel it, or retry one that has ended. */
export const change = (t: Names): string[] => [
  // A waiting job ends here and now. Of a running one only the wish is written down: its slot stays
  // held while its code runs, and its finish turns whatever comes out into 'cancelled'.
  `CREATE FUNCTION ${t.fn('cancel_1')}(job uuid, notifying boolean)
   RETURNS TABLE (verdict text, queue text, worker text, concurrency_key text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     at timestamptz := clock_timestamp();
     holder uuid;
     line text;
     freed text;
   BEGIN
     ${READ_COMMITTED_ONLY}
     -- A job may move between two statements; three rounds see it somewhere.
     FOR i IN 1 .. 3 LOOP
       WITH gone AS (
         DELETE FROM ${t.jobs} j
          WHERE j.id = job AND j.state <> 'running'
         RETURNING ${movedColumns('j')}, j.retention, j.progress, j.errors, j.meta
       )
       INSERT INTO ${t.finishedJobs} (
              ${MOVED_COLUMNS.join(', ')}, finished_at, retention, progress, errors, meta, state)
       SELECT ${movedColumns('g')}, at, ${keptRetention('g')}, g.progress,
              ${t.fn('with_error_1')}(g.errors, ${t.fn('cancelled_entry_1')}(g.attempts), at),
              g.meta, 'cancelled'
         FROM gone g
       RETURNING queue, concurrency_key INTO line, freed;
       IF FOUND THEN
         IF notifying AND ${NOTIFY_ROOM} THEN
           PERFORM pg_notify(${quoteLiteral(t.channel)}, 'job.finished ' || job::text)
             FROM ${t.waiters} w WHERE w.job_id = job;
         END IF;
         -- Its group is looked at in a transaction of its own: who holds a job must not wait for it.
         RETURN QUERY SELECT 'cancelled', line, NULL::text, freed;
         RETURN;
       END IF;

       UPDATE ${t.jobs} j
          SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
        WHERE j.id = job AND j.state = 'running'
       RETURNING j.worker_id, j.queue INTO holder, line;
       IF FOUND THEN
         IF notifying AND ${NOTIFY_ROOM} THEN
           PERFORM pg_notify(${quoteLiteral(t.channel)}, 'job.cancelled ' || job::text);
         END IF;
         RETURN QUERY SELECT 'requested', line, holder::text, NULL::text;
         RETURN;
       END IF;

       IF EXISTS (SELECT 1 FROM ${t.finishedJobs} f WHERE f.id = job) THEN
         RETURN QUERY SELECT 'finished', NULL::text, NULL::text, NULL::text;
         RETURN;
       END IF;
     END LOOP;
     RETURN QUERY SELECT 'unknown', NULL::text, NULL::text, NULL::text;
   END ${t.body}`,

  // The history row comes back with its fence, so that an attempt of before stays refused. One whose
  // time has not come waits for it again, as after its push.
  `CREATE FUNCTION ${t.fn('retry_1')}(job uuid, notifying boolean)
   RETURNS TABLE (verdict text, queue text)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     line text;
     is_early boolean;
     found_state text;
   BEGIN
     ${READ_COMMITTED_ONLY}
     WITH back AS (
       DELETE FROM ${t.finishedJobs} f
        WHERE f.id = job AND f.state IN ('failed', 'cancelled')
       RETURNING ${movedColumns('f')}, f.retention, f.progress, f.errors, f.meta
     ), placed AS (
       SELECT ${movedColumns('b')}, b.retention, b.progress, b.errors, b.meta,
              CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= clock_timestamp()
                   THEN nextval(${t.sequence('line')}) END AS place
         FROM back b
     )
     INSERT INTO ${t.jobs} (
            ${MOVED_COLUMNS.filter((column) => column !== 'max_attempts' && column !== 'crashes').join(', ')},
            max_attempts, retention, progress, errors, meta, state, run_at, seq, ready_seq)
     SELECT ${MOVED_COLUMNS.filter((column) => column !== 'max_attempts' && column !== 'crashes')
       .map((column) => `p.${column}`)
       .join(', ')},
            CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END, p.retention, p.progress, p.errors, p.meta,
            'pending', CASE WHEN p.place IS NULL THEN p.scheduled_at END, p.place, p.place
       FROM placed p
     RETURNING queue, ready_seq IS NULL INTO line, is_early;
     IF FOUND THEN
       IF notifying AND ${NOTIFY_ROOM} THEN
         PERFORM pg_notify(${quoteLiteral(t.channel)},
                           CASE WHEN is_early THEN 'job.scheduled ' ELSE 'queue.pushed ' END || line);
       END IF;
       RETURN QUERY SELECT CASE WHEN is_early THEN 'scheduled' ELSE 'retried' END, line;
       RETURN;
     END IF;
     SELECT j.state INTO found_state FROM ${t.jobs} j WHERE j.id = job;
     IF found_state IS NULL THEN
       SELECT f.state INTO found_state FROM ${t.finishedJobs} f WHERE f.id = job;
     END IF;
     RETURN QUERY SELECT coalesce(found_state, 'unknown'), NULL::text;
   END ${t.body}`,
]
