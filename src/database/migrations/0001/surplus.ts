import type { Names } from '../../names.ts'
import { BLOCK } from '../../places.ts'
import { STEADY_PLANS } from './claim.ts'

/**
 * How many jobs of a group wait in the line beyond its max before the next one is set aside at its
 * push. They keep the group at work until the push has committed: a job that was set aside when the
 * last of them had ended would wait for the next sweep.
 */
const MARGIN = 32
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
 * Up to this max a group counts as full whenever many of it wait. Above it the slots of the workers may be
 * what limits it, and to set its jobs aside would cost each of them a write: it must be full by then.
 */
const SMALL_MAX = 20

/** What names a column of the group that is counted. */
type Group = (column: 'key' | 'queue' | 'priority' | 'max') => string

/** Of a row `g`, and of the variables of a function. */
const ofRow: Group = (column) => `g.${column}`
const ofVariables: Group = (column) => `group_${column}`

/** How many jobs of a group are in a state, counted as far as they matter. */
const counted = (t: Names, g: Group, predicate: string, order: string, most: string): string => `
                SELECT count(*)
                  FROM (SELECT 1
                          FROM ${t.jobs} j
                         WHERE j.concurrency_key = ${g('key')} AND ${predicate}
                         ORDER BY ${order}
                         LIMIT ${most}) c`

const inTheLine = (g: Group): string => `j.queue = ${g('queue')} AND j.priority = ${g('priority')}`

const blockedBefore = (t: Names, g: Group, place: string): string =>
  counted(
    t,
    g,
    `j.blocked AND ${inTheLine(g)} AND j.seq > ${since(place, g('max'))}`,
    'j.seq DESC',
    surplusFrom(g('max')),
  )

const readyBefore = (t: Names, g: Group, place: string): string =>
  counted(
    t,
    g,
    `j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND ${inTheLine(g)}
                           AND j.ready_seq > ${since(place, g('max'))}`,
    'j.ready_seq DESC',
    surplusFrom(g('max')),
  )

const isFull = (t: Names, g: Group): string => {
  const low = `(SELECT h.low_seq FROM ${t.concurrencyGroups} h WHERE h.key = ${g('key')})`
  const running = counted(t, g, `j.claim_seq >= ${low}`, 'j.claim_seq', g('max'))
  return `(${g('max')} <= ${SMALL_MAX} OR ${g('max')} <= (${running}))`
}

/**
 * Jobs of `g.key`, `g.queue` and `g.priority` that stand in the line or beside it, not far before `place`;
 * none where the group is not full.
 */
export const waitingBefore = (t: Names, place: string): string => `
                SELECT CASE WHEN ${isFull(t, ofRow)}
                            THEN (${blockedBefore(t, ofRow, place)}) + (${readyBefore(t, ofRow, place)})
                            ELSE 0 END AS waiting`

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
   #variable_conflict use_column
   DECLARE
     group_rest jsonb;
     group_key text;
     group_queue text;
     group_priority int;
     group_max int;
     group_rows int;
     waiting bigint;
     alike text[];
     lines text[];
     levels int[];
     ranks bigint[];
     aside boolean[];
   BEGIN
     -- One group, as the push of a lone job: two short statements at most.
     IF scheduled_ms IS NULL AND delays_ms IS NULL AND rests[1] = ALL (rests)
        AND queues[1] = ALL (queues) AND priorities[1] = ALL (priorities) THEN
       group_rest := rests[1];
       group_key := group_rest ->> 'concurrency_key';
       group_queue := queues[1];
       group_priority := priorities[1];
       group_max := greatest((group_rest ->> 'concurrency_max')::int, 1);
       group_rows := cardinality(rests);
       waiting := (${readyBefore(t, ofVariables, 'surplus_1.place')});
       IF waiting + group_rows <= ${surplusFrom('group_max')} THEN
         waiting := waiting + (${blockedBefore(t, ofVariables, 'surplus_1.place')});
       END IF;
       IF waiting + group_rows <= ${surplusFrom('group_max')} OR NOT ${isFull(t, ofVariables)} THEN
         RETURN NULL;
       END IF;
       RETURN ARRAY(
         SELECT waiting + n > ${surplusFrom('group_max')} FROM generate_series(1, group_rows) AS n);
     END IF;
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
       INTO aside
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
     RETURN aside;
   END ${t.body}`,
]
