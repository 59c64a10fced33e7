import type { Names } from '../../names.ts'
import { BLOCK } from '../../places.ts'
import { STEADY_PLANS } from './claim.ts'

/**
 * How many jobs of a group wait in the line beyond its max before the next one is set aside at its
 * push. They keep the group at work until the push has committed: a job that was set aside when the
 * last of them had ended would wait for the next sweep.
 */
const MARGIN = 100
/** A group is looked at when it has at least this part of a batch: there are this many such groups. */
const PARTS = 8

/**
 * How far before `place` others of a group are counted: that many pushes, each of which draws a block.
 * Jobs that stand further apart do not fill the line; and rows that are gone end no count.
 */
const since = (place: string, max: string): string =>
  `${place} - ${2 * BLOCK} * (${max} + ${MARGIN})::bigint`

/** From which job of a group on the rest is surplus. */
export const surplusFrom = (max: string): string => `${max}::bigint + ${MARGIN}`

/**
 * Jobs of `g.key`, `g.queue` and `g.priority` that stand in the line or beside it, not far before
 * `place`, counted as far as they matter.
 */
export const waitingBefore = (t: Names, place: string): string => `
                SELECT (SELECT count(*)
                          FROM (SELECT 1
                                  FROM ${t.jobs} j
                                 WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL
                                   AND j.concurrency_key = g.key AND j.queue = g.queue
                                   AND j.ready_seq > ${since(place, 'g.max')}
                                   AND j.priority = g.priority
                                 ORDER BY j.ready_seq DESC
                                 LIMIT ${surplusFrom('g.max')}) r)
                     + (SELECT count(*)
                          FROM (SELECT 1
                                  FROM ${t.jobs} j
                                 WHERE j.blocked
                                   AND j.concurrency_key = g.key AND j.queue = g.queue
                                   AND j.priority = g.priority
                                   AND j.seq > ${since(place, 'g.max')}
                                 ORDER BY j.seq DESC
                                 LIMIT ${surplusFrom('g.max')}) b) AS waiting`

/**
 * A job behind many others of its group, in a line that they fill, is set aside before any claim comes
 * to it. This is a hint: it reads what is there and locks nothing, so it may be wrong either way. A
 * job that is not set aside is set aside by a claim, and one that should not have been is found by the
 * sweep.
 */
export const surplus = (t: Names): string[] => [
  // Which rows of a push are surplus; null when none is. \`place\`: the first place of the batch. Groups
  // are told by the texts of \`rests\`, which are alike for the jobs of one group.
  `CREATE FUNCTION ${t.fn('surplus_1')}(
     queues text[], priorities int[], rests text[], scheduled_ms float8[], delays_ms float8[],
     place bigint)
   RETURNS boolean[]
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   DECLARE
     alike text[];
     lines text[];
     levels int[];
     ranks bigint[];
     found boolean[];
   BEGIN
     SELECT array_agg(x.rest), array_agg(x.queue), array_agg(x.priority), array_agg(x.rank)
       INTO alike, lines, levels, ranks
       FROM (
         SELECT g.rest, g.queue, g.priority, ${surplusFrom('g.max')} - w.waiting AS rank
           FROM (
             SELECT r.rest, r.queue, r.priority, r.rest::jsonb ->> 'concurrency_key' AS key,
                    greatest((r.rest::jsonb ->> 'concurrency_max')::int, 1) AS max, count(*) AS rows
               FROM unnest(rests, queues, priorities, scheduled_ms, delays_ms)
                 AS r(rest, queue, priority, scheduled_ms, delay_ms)
              WHERE r.rest LIKE '%"concurrency_key"%'
                AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL
              GROUP BY r.rest, r.queue, r.priority
             HAVING count(*) * ${PARTS} >= cardinality(rests)
             OFFSET 0) g
          CROSS JOIN LATERAL (${waitingBefore(t, 'place')}) w
          WHERE w.waiting + g.rows > ${surplusFrom('g.max')}
            AND g.key IS NOT NULL) x;
     IF alike IS NULL THEN
       RETURN NULL;
     END IF;
     SELECT array_agg(coalesce(s.rank > ranks[s.g], false) ORDER BY s.n)
       INTO found
       FROM (
         SELECT u.n, u.g, row_number() OVER (PARTITION BY u.g ORDER BY u.n) AS rank
           FROM (
             SELECT r.n,
                    (SELECT a.g
                       FROM unnest(alike, lines, levels) WITH ORDINALITY AS a(rest, queue, priority, g)
                      WHERE a.rest = r.rest AND a.queue = r.queue AND a.priority = r.priority
                        AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL) AS g
               FROM unnest(rests, queues, priorities, scheduled_ms, delays_ms) WITH ORDINALITY
                 AS r(rest, queue, priority, scheduled_ms, delay_ms, n)) u) s;
     RETURN found;
   END ${t.body}`,
]
