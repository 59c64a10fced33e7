import type { Names } from '../../names.ts'
import { STEADY_PLANS } from './claim.ts'
import { inLine } from './line.ts'

/** Which of many queues a claim may find something in, by two probes each. */
export const readyQueues = (t: Names): string[] => [
  // A queue with floors always counts: a look that does not begin at them may be dear.
  `CREATE FUNCTION ${t.fn('ready_queues_1')}(queues text[], names text[]) RETURNS SETOF text
   LANGUAGE plpgsql STABLE ${STEADY_PLANS}
   AS ${t.body}
   BEGIN
     RETURN QUERY
     SELECT u.name
       FROM unnest(queues) AS u(name)
      WHERE (SELECT true FROM ${t.lineFloors} l WHERE l.queue = u.name)
         OR (SELECT true FROM ${t.jobs} j
              WHERE j.queue = u.name AND ${inLine('j')}
              LIMIT 1)
         OR (SELECT true FROM ${t.jobs} j
              WHERE j.aside AND j.queue = u.name AND j.name = ANY (names)
              LIMIT 1);
   END ${t.body}`,
]
