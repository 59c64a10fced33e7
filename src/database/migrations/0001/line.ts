import type { Names } from '../../names.ts'

/**
 * Whether a row is in the line and may be taken. Running jobs keep their place: those with a
 * concurrency limit leave the index of the line by their `claim_seq`, the others are passed over.
 */
export const inLine = (j: string): string =>
  `${j}.ready_seq IS NOT NULL AND ${j}.claim_seq IS NULL AND ${j}.state <> 'running'`

const READY = (queue: string): string => `j.queue = ${queue} AND ${inLine('j')}`

const COLUMNS = `j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq`

const order = (limit: string): string => `ORDER BY j.priority DESC, j.ready_seq
                 LIMIT ${limit}
                   FOR NO KEY UPDATE SKIP LOCKED`

/** The head of the line, locked: at most so many rows. */
export const wholeLine = (t: Names, limit = 'room'): string => `
                SELECT ${COLUMNS}
                  FROM ${t.jobs} j
                 WHERE ${READY('wanted_queue')}
                 ${order(limit)}`

/**
 * The same, read in ranges. One with `high = low` is a lane, a priority between two places of the
 * line: nothing before its first place is touched, where rows that are gone may lie in heaps. Any
 * other is a gap between lanes, and is read whole. The ranges come in the order of the line; those
 * behind the last that is needed are not looked at.
 */
export const lineInRanges = (t: Names, limit = 'room'): string => `
                SELECT r.*
                  FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
                 CROSS JOIN LATERAL (
                   SELECT lane.*
                     FROM (
                       SELECT ${COLUMNS}
                         FROM ${t.jobs} j
                        WHERE g.high = g.low AND ${READY('wanted_queue')} AND j.priority = g.high
                          AND j.ready_seq > g.after AND j.ready_seq < g.before
                        ${order(limit)}) lane
                   UNION ALL
                   SELECT gap.*
                     FROM (
                       SELECT ${COLUMNS}
                         FROM ${t.jobs} j
                        WHERE g.high <> g.low AND ${READY('wanted_queue')}
                          AND j.priority < g.high AND j.priority > g.low
                        ${order(limit)}) gap) r
                 LIMIT ${limit}`

/** Both lanes of names that are not in every worker: those put aside, and the line. */
export const asideAndLine = (t: Names, line: string): string => `
                SELECT both_lanes.tid, both_lanes.id, both_lanes.is_limited, both_lanes.name,
                       both_lanes.priority, both_lanes.ready_seq
                  FROM (
                    SELECT a.*, 0 AS lane
                      FROM unnest(names) AS n(name),
                           LATERAL (
                             SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited,
                                    j.name, j.priority, j.seq AS ready_seq
                               FROM ${t.jobs} j
                              WHERE j.aside AND j.queue = wanted_queue AND j.name = n.name
                              ORDER BY j.priority DESC, j.seq
                              LIMIT room
                                FOR NO KEY UPDATE SKIP LOCKED) a
                    UNION ALL
                    SELECT l.*, 1
                      FROM (${line}) l
                  ) both_lanes
                 ORDER BY both_lanes.priority DESC, both_lanes.lane, both_lanes.ready_seq
                 LIMIT room`

/** Fills the variables of a claim from rows of the line. */
export const pickedFrom = (rows: string): string => `
       SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
              array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
              bool_or(r.is_limited AND r.is_known)
         INTO picked, ids, strange, looked, is_limited
         FROM (
           SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
             FROM (${rows}) l
           OFFSET 0) r`

/**
 * Rows whose name the worker does not know leave the line for a lane of their own. Where one is, there
 * are often many (a deploy's new jobs): the head is cleared in larger steps.
 */
export const putAside = (t: Names): string => `
       UPDATE ${t.jobs} j SET aside = true, ready_seq = NULL WHERE j.ctid = ANY (strange);
       UPDATE ${t.jobs} j
          SET aside = true, ready_seq = NULL
        WHERE j.ctid = ANY (ARRAY(
                SELECT k.ctid
                  FROM ${t.jobs} k
                 WHERE k.ctid = ANY (ARRAY(
                         SELECT h.tid
                           FROM (
                             SELECT j.ctid AS tid, j.name
                               FROM ${t.jobs} j
                              WHERE ${READY('wanted_queue')}
                              ORDER BY j.priority DESC, j.ready_seq
                              LIMIT 5000) h
                          WHERE h.name <> ALL (names)))
                   AND ${inLine('k')}
                   FOR NO KEY UPDATE SKIP LOCKED));`

/** The most jobs that a claim sets aside beside those that it came upon. */
const STEP = 2_000

/**
 * For a claim that came upon jobs of full groups alone (`of_full` of `over`): of these groups, what
 * else is in the line behind them, in a larger step. It would not fit either, one job after the other.
 */
export const surplusOfFull = (t: Names): string => `over := over || ARRAY(
             SELECT s.tid
               FROM (
                 SELECT DISTINCT ON (j.concurrency_key) j.concurrency_key AS key, j.priority, j.seq
                   FROM ${t.jobs} j
                  WHERE j.ctid = ANY (of_full)
                  ORDER BY j.concurrency_key, j.priority DESC, j.seq) f
              CROSS JOIN LATERAL (
                      SELECT j.ctid AS tid
                        FROM ${t.jobs} j
                       WHERE j.ready_seq >= 0 AND j.claim_seq IS NULL AND j.concurrency_key = f.key
                         AND j.queue = wanted_queue
                         AND (j.priority < f.priority OR j.priority = f.priority AND j.seq > f.seq)
                         AND j.ctid <> ALL (over)
                       ORDER BY j.ready_seq
                       LIMIT ${STEP}
                         FOR NO KEY UPDATE SKIP LOCKED) s
              LIMIT ${STEP});`
