import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'
import { READ, textOf } from './stored-text.ts'

const readText = (t: Names, value: string): string => textOf(t, value, READ)

const shared = (t: Names, j: string): string => `
           ${j}.id::text AS id, left(${j}.queue, 200) AS queue, left(${j}.name, 200) AS name,
           ${readText(t, `${j}.args`)} AS args, left(${j}.state, 200) AS state,
           ${j}.priority, ${j}.attempts, ${j}.max_attempts,
           date_part('epoch', ${j}.created_at) * 1000 AS created_ms,
           date_part('epoch', ${j}.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', ${j}.started_at) * 1000 AS started_ms,
           left(${j}.unique_key, 1000) AS unique_key, left(${j}.concurrency_key, 1000) AS concurrency_key,
           ${readText(t, `${j}.limits`)} AS limits, ${readText(t, `${j}.errors`)} AS errors,
           ${readText(t, `${j}.progress`)} AS progress, ${readText(t, `${j}.meta`)} AS meta,
           ${j}.worker_id::text AS worker_id`

const QUEUED_JOB = `
     id text, queue text, name text, args text, state text, priority int, attempts int,
     max_attempts int, created_ms float8, scheduled_ms float8, started_ms float8, unique_key text,
     concurrency_key text, limits text, errors text, progress text, meta text, worker_id text,
     finished_ms float8, result text, wall_ms float8, cpu_ms float8, peak_bytes float8`

/** A job that waits or runs, as every reader gets it. */
const fromJobs = (t: Names, condition: string): string => `
    SELECT ${shared(t, 'j')},
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM ${t.jobs} j
     WHERE ${condition}`

/** The same of one that has finished. */
const fromHistory = (t: Names, condition: string): string => `
    SELECT ${shared(t, 'j')},
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           ${readText(t, 'j.result')} AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM ${t.finishedJobs} j
     WHERE ${condition}`

const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * A page of a listing: of the jobs `from` gives, by the index on the id. The filters cannot tempt a
 * plan to another index: each of them may be null, and filters nothing then.
 */
const page = (from: string, order = 'j.id DESC'): string => `
         (${from}
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY ${order}
          LIMIT size)`

/**
 * The same by an index on a column and the id. Not as `column = value`: of an order by a constant
 * nothing would be left but the id, and for that order the plan might take the other index.
 */
const pageBy = (t: Names, column: 'queue' | 'state', also = ''): string =>
  page(
    fromHistory(
      t,
      `(j.${column}, j.id) <= (of_${column}, bound) AND j.${column} >= of_${column}${also}`,
    ),
    `j.${column} DESC, j.id DESC`,
  )

/**
 * Jobs by their ids, from both tables in one statement: between two look-ups a job that moves would
 * be missed. As functions, since a plan that was made while the tables were small reads all of them
 * for as long as its connection lives.
 */
export const read = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('get_jobs_1')}(ids uuid[])
   RETURNS TABLE (${QUEUED_JOB})
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY ${fromJobs(t, 'j.id = ANY (ids)')}
     UNION ALL ${fromHistory(t, 'j.id = ANY (ids)')};
   END ${t.body}`,

  `CREATE FUNCTION ${t.fn('get_states_1')}(ids uuid[]) RETURNS TABLE (id uuid, state text)
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY
     SELECT j.id, j.state FROM ${t.jobs} j WHERE j.id = ANY (ids)
     UNION ALL
     SELECT j.id, j.state FROM ${t.finishedJobs} j WHERE j.id = ANY (ids);
   END ${t.body}`,

  // A page of jobs, the newest ids first; `after` is the last id of the page before. Each table gives
  // at most a page, in the order of an index: sorted are two pages at most, by the caller.
  `CREATE FUNCTION ${t.fn('list_jobs_1')}(of_queue text, of_state text, of_name text, after uuid, size int)
   RETURNS TABLE (${QUEUED_JOB})
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   SET enable_sort = off
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     bound uuid := coalesce(after, '${LAST_ID}');
   BEGIN
     IF of_state = 'running' THEN
       -- Among many that wait no index has the few that run, but claims know them.
       RETURN QUERY ${page(
         fromJobs(t, `j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM ${t.claims} c))`),
       )};
     ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
       RETURN QUERY ${page(fromJobs(t, 'true'))};
     END IF;
     IF of_state IN ('failed', 'cancelled') THEN
       RETURN QUERY ${pageBy(t, 'state', " AND j.state <> 'succeeded'")};
     ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
       IF of_queue IS NULL THEN
         RETURN QUERY ${page(fromHistory(t, 'true'))};
       ELSE
         RETURN QUERY ${pageBy(t, 'queue')};
       END IF;
     END IF;
   END ${t.body}`,
]
