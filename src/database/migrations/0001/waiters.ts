import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'

/** How long a wait stands in the table at most, in milliseconds: a process that died leaves it behind. */
const LONGEST_MS = 86_400_000

/** What a wait registers, so that a finish says when it happened. */
export const waiters = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('add_waiters_1')}(ids uuid[], for_ms float8) RETURNS void
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     INSERT INTO ${t.waiters} (job_id, until)
     SELECT w.id, now() + make_interval(secs => least(for_ms, ${LONGEST_MS}) / 1000)
       FROM unnest(ids) AS w(id);
   END ${t.body}`,

  // One registration of each job: another process may wait for the same one, and end its wait now;
  // without SKIP LOCKED both would take the same row away.
  `CREATE FUNCTION ${t.fn('remove_waiters_1')}(ids uuid[]) RETURNS void
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     DELETE FROM ${t.waiters}
      WHERE ctid = ANY (ARRAY(
              SELECT own.tid
                FROM unnest(ids) AS g(id),
                     LATERAL (
                       SELECT w.ctid AS tid
                         FROM ${t.waiters} w
                        WHERE w.job_id = g.id
                        LIMIT 1
                          FOR UPDATE SKIP LOCKED) own));
   END ${t.body}`,
]
