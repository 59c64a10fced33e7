import { stillRuns } from '../migrations/0001/recover.ts'
import { statement } from '../statement.ts'

export interface WorkerRow {
  readonly id: string
  readonly label: string | null
  readonly tags: string
  readonly queues: string
  readonly started_ms: number
  readonly renewed_ms: number
  readonly expires_ms: number
  readonly alive: boolean
}

export const registerWorker = statement<
  readonly [id: string, label: string | null, tags: string, leaseMs: number, names: string],
  never
>(
  'register_worker',
  (t) => `
    INSERT INTO ${t.workers} (id, label, tags, expires_at, names)
    VALUES ($1::text::uuid, $2::text, $3::text::jsonb,
            pg_catalog.now() + pg_catalog.make_interval(secs => $4::float8 / 1000::float8),
            $5::text::jsonb)
         -- The answer to a first try may have been lost.
         ON CONFLICT (id) DO UPDATE
       SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at`,
)

/**
 * Renews a lease. No row back: it was revoked, or the row is gone. The answer brings the ids of this
 * worker's jobs that somebody wants cancelled, for when a notification was missed.
 */
export const renewLease = statement<
  readonly [id: string, leaseMs: number],
  { cancelling: string | null }
>(
  'renew_lease',
  (t) => `
    UPDATE ${t.workers} w
       SET renewed_at = pg_catalog.now(),
           expires_at = pg_catalog.now() + pg_catalog.make_interval(secs => $2::float8 / 1000::float8)
     WHERE w.id = $1::text::uuid AND w.revoked_at IS NULL
    RETURNING ${t.fn('cancelling_1')}(w.id) AS cancelling`,
)

/** The ids of this worker's jobs that are to be cancelled, with commas; null: none. */
export const cancellingJobs = statement<readonly [id: string], { cancelling: string | null }>(
  'cancelling_jobs',
  (t) => `SELECT ${t.fn('cancelling_1')}($1::text::uuid) AS cancelling`,
)

export const saveWorkerQueues = statement<
  readonly [id: string, queues: string, refusals: string],
  never
>(
  'save_worker_queues',
  (t) => `
    UPDATE ${t.workers}
       SET queues = $2::text::jsonb, refusals = $3::text::jsonb
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
       AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(c.ids) AS i(id) WHERE ${stillRuns(t)})`,
)

export const getWorkers = statement<readonly [], WorkerRow>(
  'get_workers',
  (t) => `
    SELECT w.id::text AS id, w.label, w.tags::text AS tags, w.queues::text AS queues,
           pg_catalog.date_part('epoch', w.started_at) * 1000::float8 AS started_ms,
           pg_catalog.date_part('epoch', w.renewed_at) * 1000::float8 AS renewed_ms,
           pg_catalog.date_part('epoch', w.expires_at) * 1000::float8 AS expires_ms,
           (w.revoked_at IS NULL AND w.expires_at > pg_catalog.now()) AS alive
      FROM ${t.workers} w
     ORDER BY w.started_at, w.id`,
)

/** How many leases have run out, of how many that are not revoked yet. */
export const countLeases = statement<readonly [], { expired: number; held: number }>(
  'count_leases',
  (t) => `
    SELECT (pg_catalog.count(*) FILTER (WHERE w.expires_at < pg_catalog.now()))::int AS expired,
           pg_catalog.count(*)::int AS held
      FROM ${t.workers} w
     WHERE w.revoked_at IS NULL`,
)

/**
 * Revokes what has run out. The row is locked first, so that this cannot race a renewal: whoever
 * comes second sees what the first one wrote.
 */
export const revokeLeases = statement<readonly [amnesty: boolean], { id: string }>(
  'revoke_leases',
  (t) => `
    UPDATE ${t.workers} w
       SET revoked_at = pg_catalog.now(), amnesty = $1::boolean
     WHERE w.id IN (
             SELECT e.id
               FROM ${t.workers} e
              WHERE e.revoked_at IS NULL AND e.expires_at < pg_catalog.now()
                FOR UPDATE SKIP LOCKED)
       AND w.revoked_at IS NULL
    RETURNING w.id::text AS id`,
)

/** Rows of revoked workers whose jobs are all back. A day is kept, for people who look. */
export const sweepWorkers = statement<readonly [], never>(
  'sweep_workers',
  (t) => `
    DELETE FROM ${t.workers} w
     WHERE w.revoked_at < pg_catalog.now() - interval '1 day'
       AND NOT EXISTS (
             SELECT 1 FROM ${t.claims} c WHERE c.worker_id = w.id)`,
)
