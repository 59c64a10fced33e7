import { type Names, quoteLiteral } from '../../names.ts'
import { NOTIFY_ROOM } from '../../notify-room.ts'
import { READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { SAFE_NAMES } from './safe-names.ts'

/** Columns that a job takes with it from `jobs` into `finished_jobs`. */
export const MOVED_COLUMNS = [
  'id',
  'fence',
  'created_at',
  'scheduled_at',
  'started_at',
  'worker_id',
  'priority',
  'attempts',
  'max_attempts',
  'concurrency_max',
  'crashes',
  'format',
  'queue',
  'name',
  'args',
  'unique_key',
  'concurrency_key',
  'limits',
  'backoff',
] as const

/**
 * The guard: the row is this job, held by this worker under this fence, and still running. IS TRUE
 * keeps the condition from offering an index: rows are looked for where they stand.
 */
const OURS = `(j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running'`

/**
 * The retention that history keeps: from 10 minutes to ten years. Beyond that the end of a job would
 * be no time that PostgreSQL knows, and its day could never be dropped.
 */
export const keptRetention = (j: string): string =>
  `CASE WHEN ${j}.retention IS NOT NULL
                   THEN least(greatest(${j}.retention, interval '10 minutes'), interval '3650 days') END`

export const movedColumns = (prefix: string): string =>
  MOVED_COLUMNS.map((column) => `${prefix}.${column}`).join(', ')

function unlessEqual(differs: string): string {
  return `IF ${differs} THEN
         RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
       END IF;`
}

/**
 * `finish_1` saves what attempts came to, under their fences. One row of `ids`, `fences` and `states`
 * is one attempt; the other arrays may be null when no row needs them, and `states` when every attempt
 * succeeded. `ended` are claims of this worker whose jobs have all ended. It answers only for the rows
 * that were not saved as asked:
 *
 * - 'cancelled': saved, but as cancelled, because somebody had asked for it;
 * - 'lost': the row belongs to another attempt by now, or is gone; nothing was written;
 * - 'ready': `id` is a queue in which blocked jobs became ready;
 * - 'again': the row changed between two statements; ask again.
 *
 * A row that is found saved already, by this worker under this fence, counts as saved: the answer
 * to the first try was lost. The last row has no id and says when it was, by the database's clock.
 */
export const finish = (t: Names): string[] => [
  // The first error and the last 19 are kept; the time is the database's.
  `CREATE FUNCTION ${t.fn('with_error_1')}(errors jsonb, entry jsonb, at timestamptz) RETURNS jsonb
   LANGUAGE sql STABLE ${SAFE_NAMES}
   AS ${t.body}
     SELECT CASE
              WHEN entry IS NULL THEN errors
              -- What no failure of ours has written is not added to.
              WHEN errors IS NULL OR pg_column_size(errors) > 4194304
                   OR jsonb_typeof(errors) <> 'array'
                THEN jsonb_build_array(entry || jsonb_build_object('at', at))
              WHEN jsonb_array_length(errors) < 20
                THEN errors || jsonb_build_array(entry || jsonb_build_object('at', at))
              ELSE jsonb_build_array(errors -> 0)
                   || jsonb_path_query_array(errors, '$[2 to last]')
                   || jsonb_build_array(entry || jsonb_build_object('at', at))
            END
   ${t.body}`,

  `CREATE FUNCTION ${t.fn('cancelled_entry_1')}(attempt int) RETURNS jsonb
   LANGUAGE sql IMMUTABLE ${SAFE_NAMES}
   AS ${t.body}
     SELECT jsonb_build_object('attempt', attempt, 'kind', 'cancelled', 'name', 'AttemptError',
                               'message', 'The job was cancelled.', 'stack', NULL)
   ${t.body}`,

  `CREATE FUNCTION ${t.fn('finish_1')}(
     worker uuid, places tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[],
     delays_ms float8[], given_back int[], crashed int[], fronts boolean[],
     walls_ms float8[], cpus_ms float8[], peaks float8[], rests text[], since_ms float8, keys text[],
     ended bigint[])
   RETURNS TABLE (id text, verdict text, at_ms float8)
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     at timestamptz := clock_timestamp();
     tids tid[];
     ends text[];
     copied int;
     deleted int;
     moved int := 0;
     kept int := 0;
     asked uuid[];
     cancelled uuid[];
     own_id xid8;
   BEGIN
     ${READ_COMMITTED_ONLY}
     -- Rows are first looked for where the claim left them, and those that have moved since (a progress
     -- was saved, a cancel asked for) by their ids. They are copied first and deleted then, without a
     -- lock in between: rows with so many columns are dear to carry through RETURNING. When a row
     -- changes between the two, the counts differ, and the whole batch is done again.
     IF finish_1.states IS NULL AND finish_1.errors IS NULL AND finish_1.rests IS NULL THEN
       -- The common case, without a question that costs every row. What it leaves is found below.
       INSERT INTO ${t.finishedJobs} (
              ${MOVED_COLUMNS.join(', ')}, finished_at, retention, progress, errors, meta, state,
              result, wall_ms, cpu_ms, peak_bytes)
       SELECT ${movedColumns('j')}, at, ${keptRetention('j')}, j.progress, j.errors, j.meta, 'succeeded',
              d.result::jsonb, d.wall_ms, d.cpu_ms, d.peak_bytes
         FROM unnest(finish_1.places, finish_1.ids, finish_1.fences, finish_1.results,
                     finish_1.walls_ms, finish_1.cpus_ms, finish_1.peaks)
           AS d(tid, id, fence, result, wall_ms, cpu_ms, peak_bytes)
         JOIN ${t.jobs} j ON j.ctid = d.tid
        WHERE ${OURS} AND j.cancel_requested_at IS NULL;
       GET DIAGNOSTICS moved = ROW_COUNT;
       IF finish_1.fences = array_fill(finish_1.fences[1], ARRAY[moved]) THEN
         -- Each place has been seen to hold its job, and goes to no other row during this call: the
         -- snapshot of the call keeps what was there. So the fence, one for all, is what is left to ask.
         DELETE FROM ${t.jobs} j
          WHERE j.ctid = ANY (finish_1.places) AND j.fence = finish_1.fences[1]
            AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
       ELSE
         DELETE FROM ${t.jobs} j
          USING unnest(finish_1.places, finish_1.ids, finish_1.fences) AS d(tid, id, fence)
          WHERE j.ctid = d.tid AND ${OURS} AND j.cancel_requested_at IS NULL;
       END IF;
       GET DIAGNOSTICS deleted = ROW_COUNT;
       ${unlessEqual('deleted <> moved')}
     END IF;

     tids := finish_1.places;
     FOR round IN 1 .. 2 LOOP
       EXIT WHEN moved = cardinality(finish_1.ids);
       ends := coalesce(finish_1.states, array_fill('succeeded'::text, ARRAY[cardinality(finish_1.ids)]));
       INSERT INTO ${t.finishedJobs} (
              ${MOVED_COLUMNS.join(', ')}, finished_at, retention, progress, errors, meta, state,
              result, wall_ms, cpu_ms, peak_bytes)
       SELECT ${movedColumns('j')}, at,
              CASE WHEN d.rest IS NULL OR j.retention IS NOT NULL THEN ${keptRetention('j')}
                   ELSE make_interval(secs => (d.rest::jsonb ->> 'retention_ms')::float8 / 1000) END,
              CASE WHEN d.rest IS NULL OR NOT d.rest::jsonb ? 'progress' THEN j.progress
                   ELSE d.rest::jsonb -> 'progress' END,
              CASE WHEN j.cancel_requested_at IS NOT NULL
                   THEN ${t.fn('with_error_1')}(j.errors, CASE
                          WHEN d.error::jsonb ->> 'kind' = 'cancelled' THEN d.error::jsonb
                          ELSE ${t.fn('cancelled_entry_1')}(j.attempts) END, at)
                   WHEN d.error IS NULL THEN j.errors
                   ELSE ${t.fn('with_error_1')}(j.errors, d.error::jsonb, at) END,
              CASE WHEN d.rest IS NULL OR NOT d.rest::jsonb ? 'meta' THEN j.meta
                   ELSE d.rest::jsonb -> 'meta' END,
              CASE WHEN j.cancel_requested_at IS NULL THEN d.state ELSE 'cancelled' END,
              CASE WHEN j.cancel_requested_at IS NULL THEN d.result::jsonb END,
              d.wall_ms, d.cpu_ms, d.peak_bytes
         FROM unnest(tids, finish_1.ids, finish_1.fences, ends, finish_1.results,
                     finish_1.errors, finish_1.walls_ms, finish_1.cpus_ms, finish_1.peaks,
                     finish_1.rests)
           AS d(tid, id, fence, state, result, error, wall_ms, cpu_ms, peak_bytes, rest)
         JOIN ${t.jobs} j ON j.ctid = d.tid
        WHERE ${OURS}
          AND (d.state IN ('succeeded', 'failed', 'cancelled') OR j.cancel_requested_at IS NOT NULL);
       GET DIAGNOSTICS copied = ROW_COUNT;

       WITH gone AS (
         DELETE FROM ${t.jobs} j
          USING (
                 -- By place, as the common case has it: a batch that is sent again may meet its first
                 -- try, which still waits for a row.
                 SELECT u.*
                   FROM unnest(tids, finish_1.ids, finish_1.fences, ends)
                     AS u(tid, id, fence, state)
                  ORDER BY u.tid) d
          WHERE j.ctid = d.tid AND ${OURS}
            AND (d.state IN ('succeeded', 'failed', 'cancelled')
                 OR j.cancel_requested_at IS NOT NULL)
         RETURNING CASE WHEN j.cancel_requested_at IS NOT NULL THEN j.id END AS asked
       )
       SELECT count(*), array_agg(gone.asked) FILTER (WHERE gone.asked IS NOT NULL)
         INTO deleted, asked
         FROM gone;
       ${unlessEqual(`deleted <> copied OR asked IS NOT NULL AND cardinality(asked) <> (
            SELECT count(*) FROM ${t.finishedJobs} f
             WHERE f.id = ANY (asked) AND f.finished_at = at AND f.state = 'cancelled')`)}
       moved := moved + copied;
       cancelled := cancelled || asked;
       EXIT WHEN moved = cardinality(finish_1.ids) OR round = 2;
       tids := ARRAY(
         SELECT h.tid
           FROM unnest(finish_1.ids) AS d(id)
           LEFT JOIN LATERAL (
                  SELECT j.ctid AS tid FROM ${t.jobs} j WHERE j.id = d.id OFFSET 0) h ON true);
     END LOOP;

     IF moved < cardinality(finish_1.ids) THEN
       -- Before a place is drawn: see the floors of a line.
       own_id := pg_current_xact_id();
       UPDATE ${t.jobs} j
          SET state = d.state, claim_seq = NULL,
              ready_seq = CASE WHEN d.front THEN nextval(${t.sequence('front')})
                               WHEN coalesce(d.delay_ms, 0) <= 0 THEN nextval(${t.sequence('line')}) END,
              run_at = CASE WHEN d.delay_ms > 0 THEN at + make_interval(secs => d.delay_ms / 1000) END,
              attempts = j.attempts - coalesce(d.given_back, 0),
              crashes = j.crashes + coalesce(d.crashed, 0),
              errors = ${t.fn('with_error_1')}(j.errors, d.error::jsonb, at),
              progress = CASE WHEN d.rest::jsonb ? 'progress' THEN d.rest::jsonb -> 'progress'
                              ELSE j.progress END,
              meta = CASE WHEN d.rest::jsonb ? 'meta' THEN d.rest::jsonb -> 'meta' ELSE j.meta END
         FROM (
                SELECT u.*
                  FROM unnest(tids, finish_1.ids, finish_1.fences, ends, finish_1.errors,
                              finish_1.delays_ms, finish_1.given_back, finish_1.crashed,
                              finish_1.fronts, finish_1.rests)
                    AS u(tid, id, fence, state, error, delay_ms, given_back, crashed, front, rest)
                 ORDER BY u.tid) d
        WHERE j.ctid = d.tid AND ${OURS}
          AND d.state IN ('pending', 'retrying')
          -- A cancel that came since the first statement: the next try moves the row.
          AND j.cancel_requested_at IS NULL;
       GET DIAGNOSTICS kept = ROW_COUNT;
     END IF;

     IF moved + kept < cardinality(finish_1.ids) THEN
       RETURN QUERY
       SELECT d.id::text, v.verdict, NULL::float8
         FROM unnest(finish_1.ids, finish_1.fences) AS d(id, fence),
              LATERAL (
                SELECT CASE
                         WHEN EXISTS (
                           SELECT 1 FROM ${t.jobs} j
                            WHERE j.id = d.id AND j.fence = d.fence AND j.worker_id = worker)
                         THEN (SELECT CASE WHEN j.state = 'running' THEN 'again' ELSE 'saved' END
                                 FROM ${t.jobs} j WHERE j.id = d.id)
                         -- A bound on the time prunes the days that cannot hold it.
                         WHEN EXISTS (
                           SELECT 1 FROM ${t.finishedJobs} f
                            WHERE f.id = d.id AND f.fence = d.fence AND f.worker_id = worker
                              AND f.finished_at >= to_timestamp(since_ms / 1000))
                         THEN 'saved'
                         ELSE 'lost'
                       END AS verdict) v
        WHERE v.verdict <> 'saved';
     END IF;

     IF ended IS NOT NULL THEN
       DELETE FROM ${t.claims} c WHERE c.worker_id = worker AND c.claim_seq = ANY (ended);
     END IF;
     -- Only asked where somebody waits.
     IF EXISTS (SELECT 1 FROM ${t.waiters} w) AND ${NOTIFY_ROOM} THEN
       PERFORM pg_notify(${quoteLiteral(t.channel)}, 'job.finished ' || w.job_id::text)
          FROM ${t.waiters} w
         WHERE w.job_id = ANY (finish_1.ids);
     END IF;
     IF keys IS NOT NULL THEN
       -- After the jobs and the claims: see the order of locks.
       PERFORM ${t.fn('lock_groups_1')}(keys);
       RETURN QUERY SELECT r.queue, 'ready', NULL::float8 FROM ${t.fn('ready_1')}(keys) r;
     END IF;
     RETURN QUERY SELECT c::text, 'cancelled', NULL::float8 FROM unnest(cancelled) AS c;
     RETURN QUERY SELECT NULL::text, 'at', extract(epoch FROM at)::float8 * 1000;
   END ${t.body}`,
]
