import type { Names } from '../names.ts'
import { statement } from '../statement.ts'

export interface WorkerRow {
  readonly id: string
  readonly label: string | null
  readonly version: string | null
  /** JSON of its figures, or null. */
  readonly figures: string | null
  readonly tags: string
  readonly queues: string
  readonly started_ms: number
  readonly renewed_ms: number
  readonly expires_ms: number
  readonly paused: boolean
  readonly alive: boolean
}

export const registerWorker = statement<
  readonly [
    id: string,
    label: string | null,
    tags: string,
    leaseMs: number,
    names: string,
    environment: string,
    version: string | null,
  ],
  never
>(
  'register_worker',
  (t) => `
    INSERT INTO ${t.workers} (id, label, tags, expires_at, names, environment, version)
    VALUES ($1::text::uuid, $2::text, $3::text::jsonb,
            ${t.fn('now')}() + pg_catalog.make_interval(secs => $4::float8 / 1000::float8),
            $5::text::jsonb, $6::text::jsonb, $7::text)
         -- The answer to a first try may have been lost.
         ON CONFLICT (id) DO UPDATE
       SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at`,
)

/**
 * Renews a lease, and writes the figures of the worker. No row back: it was revoked, or the row is gone. The answer brings the ids of this
 * worker's jobs that are to be cancelled, for when a notification was missed.
 */
export const renewLease = statement<
  readonly [id: string, leaseMs: number, figures: string | null],
  { cancelling: string | null }
>(
  'renew_lease',
  (t) => `
    UPDATE ${t.workers} w
       SET renewed_at = ${t.fn('now')}(),
           expires_at = ${t.fn('now')}() + pg_catalog.make_interval(secs => $2::float8 / 1000::float8),
           figures = $3::text::jsonb
     WHERE w.id = $1::text::uuid AND w.revoked_at IS NULL
    RETURNING ${t.fn('cancelling')}(w.id) AS cancelling`,
)

/** The ids of this worker's jobs that are to be cancelled, with commas; null: none. */
export const cancellingJobs = statement<readonly [id: string], { cancelling: string | null }>(
  'cancelling_jobs',
  (t) => `SELECT ${t.fn('cancelling')}($1::text::uuid) AS cancelling`,
)

export const saveWorkerQueues = statement<
  readonly [id: string, queues: string, refusals: string, paused: boolean],
  never
>(
  'save_worker_queues',
  (t) => `
    UPDATE ${t.workers}
       SET queues = $2::text::jsonb, refusals = $3::text::jsonb, paused = $4::boolean
     WHERE id = $1::text::uuid`,
)

/** What it still runs, against its will, is found by its claims. */
export const removeWorker = statement<readonly [id: string], never>(
  'remove_worker',
  (t) => `
    WITH worker AS (
      DELETE FROM ${t.workers} WHERE id = $1::text::uuid
    )
    DELETE FROM ${t.claims} c
     WHERE c.worker_id = $1::text::uuid
       AND NOT EXISTS (
             SELECT 1
               FROM pg_catalog.unnest(c.ids) AS i(id)
              WHERE EXISTS (
                      -- By its id alone: no plan may begin elsewhere.
                      SELECT 1
                        FROM (SELECT k.state, k.worker_id FROM ${t.jobs} k WHERE k.id = i.id OFFSET 0) j
                       WHERE j.state = 'running' AND j.worker_id = c.worker_id))`,
)

export const getWorkers = statement<readonly [], WorkerRow>(
  'get_workers',
  (t) => `
    SELECT w.id::text AS id, w.label, w.version, w.figures::text AS figures, w.tags::text AS tags, w.queues::text AS queues,
           pg_catalog.date_part('epoch', w.started_at) * 1000::float8 AS started_ms,
           pg_catalog.date_part('epoch', w.renewed_at) * 1000::float8 AS renewed_ms,
           pg_catalog.date_part('epoch', w.expires_at) * 1000::float8 AS expires_ms,
           w.paused, (w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()) AS alive
      FROM ${t.workers} w
     ORDER BY w.started_at, w.id`,
)

/**
 * Whether the worker of a row is gone, for an observer whose own renewals, and the database's clock, have
 * been steady for `steady`: its lease has run out, and either it was renewed in that time and then no
 * more, or a worker that lives would have renewed it since. A renewal from the future was written
 * before the clock was set back.
 */
const isGone = (t: Names, steady: string): string => `(
           w.expires_at < ${t.fn('now')}() AND (${inSteadyTime(t, steady)} OR ${LEASE} <= ${steady})
        OR ${isAhead(t)} AND ${LEASE} <= ${steady})`

/** How long it is, as its worker has said. Before PostgreSQL 17 nothing can be subtracted from infinity. */
const LEASE = '(CASE WHEN pg_catalog.isfinite(w.expires_at) THEN w.expires_at - w.renewed_at END)'

/** Whether it was renewed so far in the future that it would last for more than twice its length. */
const isAhead = (t: Names): string => `w.renewed_at - ${LEASE} > ${t.fn('now')}()`

/** Whether it was renewed in that time: then an outage before it is not the reason. */
const inSteadyTime = (t: Names, steady: string): string =>
  `w.renewed_at > ${t.fn('now')}() - ${steady} AND w.renewed_at <= ${t.fn('now')}()`

const STEADY = 'pg_catalog.make_interval(secs => $1::float8 / 1000::float8)'

export interface LeaseCount {
  /** Leases that are not revoked yet. */
  readonly held: number
  /** Of these, the ones that have run out. */
  readonly expired: number
  /** Workers that are gone, and were not seen alive since the observer's steady time began. */
  readonly unseen: number
  readonly now_ms: number
  /** When the next one runs out, from now. Null: there is none. */
  readonly next_ms: number | null
  /** JSON: the ids of those that have run out, and for how long, in milliseconds. */
  readonly overdue: string | null
  /** JSON: the ids of those that were renewed in the future, and by how much, in milliseconds. */
  readonly ahead: string | null
}

/** What there is to know of leases. `steadyMs`: for how long the observer's own were renewed. */
export const countLeases = statement<readonly [steadyMs: number], LeaseCount>(
  'count_leases',
  (t) => `
    SELECT pg_catalog.count(*)::int AS held,
           (pg_catalog.count(*) FILTER (WHERE w.expires_at < ${t.fn('now')}()))::int AS expired,
           (pg_catalog.count(*) FILTER (WHERE ${isGone(t, STEADY)} AND NOT (${inSteadyTime(t, STEADY)})))::int AS unseen,
           pg_catalog.date_part('epoch', ${t.fn('now')}()) * 1000::float8 AS now_ms,
           pg_catalog.date_part('epoch', pg_catalog.min(w.expires_at) FILTER (
                     WHERE w.expires_at >= ${t.fn('now')}() AND pg_catalog.isfinite(w.expires_at)) - ${t.fn('now')}()) * 1000::float8
             AS next_ms,
           (pg_catalog.jsonb_object_agg(w.id, pg_catalog.date_part('epoch', ${t.fn('now')}() - w.expires_at) * 1000::float8)
              FILTER (WHERE w.expires_at < ${t.fn('now')}()))::text AS overdue,
           (pg_catalog.jsonb_object_agg(w.id, pg_catalog.date_part('epoch', w.renewed_at - ${t.fn('now')}()) * 1000::float8)
              FILTER (WHERE ${isAhead(t)}))::text AS ahead
      FROM ${t.workers} w
     WHERE w.revoked_at IS NULL`,
)

/**
 * Revokes the leases of workers that are gone, with or without the ones that an outage may excuse. The
 * row is locked first, so that this cannot race a renewal: the second one sees what the first has
 * written. `ids`: JSON, the workers that looked gone when the leases were counted. A step of the clock
 * since then makes others look gone too, and these are not revoked.
 */
export const revokeLeases = statement<
  readonly [steadyMs: number, unseenToo: boolean, crashExempt: boolean, ids: string],
  { id: string }
>(
  'revoke_leases',
  (t) => `
    UPDATE ${t.workers} u
       SET revoked_at = ${t.fn('now')}(), crash_exempt = g.crash_exempt
      FROM (SELECT w.id, $3::boolean AND NOT (${inSteadyTime(t, STEADY)}) AS crash_exempt
              FROM ${t.workers} w
             WHERE w.revoked_at IS NULL AND ${isGone(t, STEADY)}
               AND w.id::text IN (SELECT pg_catalog.jsonb_array_elements_text($4::text::jsonb))
               AND ($2::boolean OR ${inSteadyTime(t, STEADY)})
               FOR UPDATE SKIP LOCKED) g
     WHERE u.id = g.id AND u.revoked_at IS NULL
    RETURNING u.id::text AS id`,
)

/** Rows of revoked workers whose jobs are all back. A day is kept, for people who look. */
export const sweepWorkers = statement<readonly [], never>(
  'sweep_workers',
  (t) => `
    DELETE FROM ${t.workers} w
     WHERE w.revoked_at < ${t.fn('now')}() - interval '1 day'
       AND NOT EXISTS (
             SELECT 1 FROM ${t.claims} c WHERE c.worker_id = w.id)`,
)
