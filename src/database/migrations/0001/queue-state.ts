import type { Names } from '../../names.ts'

interface More {
  readonly column: string
  readonly into: string
}

/**
 * How things stand before a claim, in one statement: each costs more than what it reads. With the
 * floors of the line as ranges: none while transactions are left out that nobody looks after. `more`
 * is asked in the same statement, where the floors are `f`.
 */
export function readState(t: Names, more?: More): string {
  return `SELECT CASE WHEN (SELECT true FROM ${t.workers} w WHERE w.id = worker AND w.revoked_at IS NULL)
                 THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
            q.rate_max, q.rate_per,
            (SELECT true FROM ${t.jobs} j WHERE j.aside AND j.queue = wanted_queue LIMIT 1),
            f.highs, f.lows, f.afters, f.befores${more === undefined ? '' : `, ${more.column}`}
       INTO queue_state, rate_max, rate_per, has_aside,
            floor_highs, floor_lows, floor_afters, floor_befores${more === undefined ? '' : `, ${more.into}`}
       FROM (VALUES (1)) AS one(row)
       LEFT JOIN LATERAL (${queueNow(t)}) q ON true
       LEFT JOIN LATERAL (
              SELECT l.highs, l.lows, l.afters, l.befores
                FROM ${t.lineFloors} l
               WHERE l.queue = wanted_queue
                 AND (cardinality(l.left_out) = 0 OR l.raised_at > now() - interval '1 minute')
            ) f ON true;`
}

/** Variables of the floors, and how a look at the whole line begins at them. */
export const FLOOR_VARIABLES = `floor_highs bigint[];
     floor_lows bigint[];
     floor_afters bigint[];
     floor_befores bigint[];`
export const FROM_FLOORS = `highs := floor_highs;
         lows := floor_lows;
         afters := floor_afters;
         befores := floor_befores;`

/** How the queue is, and its rate limit; nulls where there is none. */
export function queueNow(t: Names): string {
  return `SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM ${t.queues} k
              WHERE k.name = wanted_queue`
}
