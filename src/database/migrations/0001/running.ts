import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'

/** What a worker says and hears of the jobs that it runs. As functions for the sake of their plans. */
export const running = (t: Names): string[] => [
  // Which of its jobs somebody wants cancelled: their ids, with commas.
  `CREATE FUNCTION ${t.fn('cancelling_1')}(worker uuid) RETURNS text
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     RETURN (
       SELECT string_agg(j.id::text, ',')
         FROM ${t.jobs} j
        WHERE j.cancel_requested_at IS NOT NULL AND j.worker_id = worker);
   END ${t.body}`,

  // Progress, while the attempt still holds the job. Answers with the jobs whose progress was saved.
  // Locked in the order of ids; a job that is being finished is passed over: its value goes with its
  // outcome.
  `CREATE FUNCTION ${t.fn('save_progress_1')}(worker uuid, ids uuid[], fences bigint[], contents text[])
   RETURNS SETOF uuid
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     RETURN QUERY
     WITH held AS MATERIALIZED (
       SELECT j.id, d.content
         FROM unnest(ids, fences, contents) AS d(id, fence, content)
         JOIN ${t.jobs} j ON j.id = d.id
        WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
        ORDER BY j.id
          FOR NO KEY UPDATE OF j SKIP LOCKED
     )
     UPDATE ${t.jobs} j
        SET progress = held.content::jsonb
       FROM held
      WHERE j.id = held.id
     RETURNING j.id;
   END ${t.body}`,
]
