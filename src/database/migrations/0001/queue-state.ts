import type { Names } from '../../names.ts'

/** How things stand before a claim, in one statement. */
export function readState(t: Names): string {
  return `SELECT CASE WHEN (SELECT true FROM ${t.workers} w WHERE w.id = worker AND w.revoked_at IS NULL)
                 THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
            q.rate_max, q.rate_per,
            (SELECT true FROM ${t.jobs} j WHERE j.aside AND j.queue = wanted_queue LIMIT 1)
       INTO queue_state, rate_max, rate_per, has_aside
       FROM (VALUES (1)) AS one(row)
       LEFT JOIN LATERAL (${queueNow(t)}) q ON true;`
}

/** How the queue is, and its rate limit; nulls where there is none. */
export function queueNow(t: Names): string {
  return `SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM ${t.queues} k
              WHERE k.name = wanted_queue`
}

/** The floors of the line as ranges: none while transactions are left out that nobody looks after. */
export function readFloors(t: Names): string {
  return `SELECT l.highs, l.lows, l.afters, l.befores
         INTO highs, lows, afters, befores
         FROM ${t.lineFloors} l
        WHERE l.queue = wanted_queue
          AND (cardinality(l.left_out) = 0 OR l.raised_at > now() - interval '1 minute');`
}
