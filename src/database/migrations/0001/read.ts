import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'

const shared = (j: string): string => `
           ${j}.id::text AS id, ${j}.queue, ${j}.name, ${j}.args::text AS args, ${j}.state,
           ${j}.priority, ${j}.attempts, ${j}.max_attempts,
           date_part('epoch', ${j}.created_at) * 1000 AS created_ms,
           date_part('epoch', ${j}.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', ${j}.started_at) * 1000 AS started_ms,
           ${j}.unique_key, ${j}.concurrency_key, ${j}.limits::text AS limits,
           ${j}.errors::text AS errors, ${j}.progress::text AS progress, ${j}.meta::text AS meta,
           ${j}.worker_id::text AS worker_id`

/** A job that waits or runs, as every reader gets it. */
export const fromJobs = (t: Names, condition: string): string => `
    SELECT ${shared('j')},
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM ${t.jobs} j
     WHERE ${condition}`

/** The same of one that has finished. */
export const fromHistory = (t: Names, condition: string): string => `
    SELECT ${shared('j')},
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           j.result::text AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM ${t.finishedJobs} j
     WHERE ${condition}`

/**
 * Jobs by their ids, from both tables in one statement: between two look-ups a job that moves would
 * be missed. As functions, since a plan that was made while the tables were small reads all of them
 * for as long as its connection lives.
 */
export const read = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('get_jobs_1')}(ids uuid[])
   RETURNS TABLE (
     id text, queue text, name text, args text, state text, priority int, attempts int,
     max_attempts int, created_ms float8, scheduled_ms float8, started_ms float8, unique_key text,
     concurrency_key text, limits text, errors text, progress text, meta text, worker_id text,
     finished_ms float8, result text, wall_ms float8, cpu_ms float8, peak_bytes float8)
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
]
