import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'
import { inLine } from './line.ts'

const alive = (w: string): string => `${w}.revoked_at IS NULL AND ${w}.expires_at > now()`

/**
 * Ready jobs that no worker will take: those of queues that are not declared, and those whose function
 * no living worker of their queue knows. Each is counted to `bound`. One worker is told for all of them,
 * the one that has lived longest.
 *
 * The queues, and the names of what was put aside, are found by one probe of an index each, however many
 * jobs they have.
 */
export const unserved = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('unserved_1')}(worker uuid, bound int)
   RETURNS TABLE (kind text, queue text, name text, jobs int)
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   BEGIN
     IF worker IS DISTINCT FROM (
          SELECT w.id FROM ${t.workers} w WHERE ${alive('w')} ORDER BY w.started_at, w.id LIMIT 1) THEN
       RETURN;
     END IF;
     RETURN QUERY
     WITH RECURSIVE lines(queue) AS (
       (SELECT j.queue
          FROM ${t.jobs} j
         WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL
         ORDER BY j.queue
         LIMIT 1)
       UNION ALL
       SELECT (SELECT j.queue
                 FROM ${t.jobs} j
                WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.queue > l.queue
                ORDER BY j.queue
                LIMIT 1)
         FROM lines l
        WHERE l.queue IS NOT NULL
     )
     SELECT 'queue-undeclared', l.queue, NULL::text, c.jobs
       FROM lines l
      CROSS JOIN LATERAL (
              SELECT count(*)::int AS jobs
                FROM (SELECT 1 FROM ${t.jobs} j
                       WHERE j.queue = l.queue AND ${inLine('j')}
                       LIMIT bound) b) c
      WHERE l.queue IS NOT NULL AND c.jobs > 0
        AND NOT EXISTS (SELECT 1 FROM ${t.queues} q WHERE q.name = l.queue);

     RETURN QUERY
     WITH RECURSIVE lanes AS (
       (SELECT j.queue, j.name FROM ${t.jobs} j WHERE j.aside ORDER BY j.queue, j.name LIMIT 1)
       UNION ALL
       SELECT n.queue, n.name
         FROM lanes l
        CROSS JOIN LATERAL (
                SELECT j.queue, j.name
                  FROM ${t.jobs} j
                 WHERE j.aside AND (j.queue, j.name) > (l.queue, l.name)
                 ORDER BY j.queue, j.name
                 LIMIT 1) n
     )
     SELECT 'function-unknown', l.queue, l.name::text, c.jobs
       FROM lanes l
      CROSS JOIN LATERAL (
              SELECT count(*)::int AS jobs
                FROM (SELECT 1 FROM ${t.jobs} j
                       WHERE j.aside AND j.queue = l.queue AND j.name = l.name
                       LIMIT bound) b) c
      WHERE NOT EXISTS (
              SELECT 1 FROM ${t.workers} w
               WHERE ${alive('w')} AND w.queues ? l.queue AND w.names ? l.name);
   END ${t.body}`,
]
