import { statement } from '../../database/statement.ts'

/** A term is its worker and when it began; both are compared, so that no other term is ever renewed. */
const termOf = (l: string): string =>
  `(pg_catalog.date_part('epoch', ${l}.elected_at) * 1000000::float8)::int8::text`
const lease = 'pg_catalog.make_interval(secs => $2::float8 / 1000::float8)'
const LEADER = "'worker'"

/**
 * Takes the lead when there is no lease, or it has ended; otherwise says how long it lasts. A worker that
 * has the lead already, but lost the answer, begins a new term.
 */
export const elect = statement<
  readonly [workerId: string, leaseMs: number],
  { term: string | null; left_ms: number | null }
>(
  'elect',
  (t) => `
    WITH won AS (
      INSERT INTO ${t.leader} AS l (name, worker_id, elected_at, expires_at)
      VALUES (${LEADER}, $1::uuid, ${t.fn('clock')}(), ${t.fn('clock')}() + ${lease})
      ON CONFLICT (name) DO UPDATE
         SET worker_id = excluded.worker_id, elected_at = excluded.elected_at,
             expires_at = excluded.expires_at
       WHERE l.expires_at <= ${t.fn('clock')}() OR l.worker_id = excluded.worker_id
      RETURNING ${termOf('l')} AS term
    )
    SELECT term, NULL::float8 AS left_ms FROM won
    UNION ALL
    SELECT NULL::text,
           pg_catalog.date_part('epoch', l.expires_at - ${t.fn('clock')}()) * 1000::float8
      FROM ${t.leader} l
     WHERE l.name = ${LEADER} AND NOT EXISTS (SELECT 1 FROM won)`,
)

/** No row: the term is over. */
export const renew = statement<
  readonly [workerId: string, leaseMs: number, term: string],
  { renewed: boolean }
>(
  'renew_lead',
  (t) => `
    UPDATE ${t.leader} AS l
       SET expires_at = ${t.fn('clock')}() + ${lease}
     WHERE l.name = ${LEADER} AND l.worker_id = $1::uuid AND ${termOf('l')} = $3::text
       AND l.expires_at > ${t.fn('clock')}()
    RETURNING true AS renewed`,
)

export const resign = statement<readonly [workerId: string, term: string], never>(
  'resign_lead',
  (t) => `
    DELETE FROM ${t.leader} l
     WHERE l.name = ${LEADER} AND l.worker_id = $1::uuid AND ${termOf('l')} = $2::text`,
)

export const findLeader = statement<
  readonly [],
  { worker_id: string; since_ms: number; until_ms: number }
>(
  'find_leader',
  (t) => `
    SELECT l.worker_id::text AS worker_id,
           pg_catalog.date_part('epoch', l.elected_at) * 1000::float8 AS since_ms,
           pg_catalog.date_part('epoch', l.expires_at) * 1000::float8 AS until_ms
      FROM ${t.leader} l
     WHERE l.name = ${LEADER} AND l.expires_at > ${t.fn('clock')}()`,
)

/** How many workers live, for how long the one has that started first, and whether one leads. */
export const leaderHealth = statement<
  readonly [],
  { workers: number; since_ms: number | null; leads: boolean }
>(
  'leader_health',
  (t) => `
    SELECT pg_catalog.count(*)::int4 AS workers,
           pg_catalog.date_part('epoch', ${t.fn('clock')}() - pg_catalog.min(w.started_at)) * 1000::float8 AS since_ms,
           EXISTS (SELECT 1 FROM ${t.leader} l
                    WHERE l.name = ${LEADER} AND l.expires_at > ${t.fn('clock')}()) AS leads
      FROM ${t.workers} w
     WHERE w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()`,
)
