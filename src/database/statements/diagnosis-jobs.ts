/** What `doctor` asks of workers, queues and waiting jobs. Each part is bounded. */
import { statement } from '../statement.ts'
import type { UnservedRow } from './unserved.ts'

export interface WorkerHealthRow {
  readonly id: string
  readonly label: string | null
  readonly alive: boolean
  readonly revoked: boolean
  /** For how long its lease has been over, in milliseconds; below 0: how long it lasts. */
  readonly over_ms: number
  readonly started_ms: number
  readonly jobs: number
  /** JSON. */
  readonly tags: string
  readonly environment: string
}

export const workerHealth = statement<readonly [], WorkerHealthRow>(
  'worker_health',
  (t) => `
    SELECT w.id::text AS id, w.label, (w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()) AS alive,
           w.revoked_at IS NOT NULL AS revoked,
           CASE WHEN pg_catalog.isfinite(w.expires_at)
                THEN pg_catalog.date_part('epoch', ${t.fn('now')}() - w.expires_at) * 1000::float8
                ELSE (-1)::float8 END AS over_ms,
           pg_catalog.date_part('epoch', w.started_at) * 1000::float8 AS started_ms,
           coalesce((SELECT pg_catalog.sum(pg_catalog.cardinality(c.ids))
                       FROM ${t.claims} c WHERE c.worker_id = w.id), 0::bigint)::int4 AS jobs,
           w.tags::text AS tags, w.environment::text AS environment
      FROM ${t.workers} w
     ORDER BY w.started_at, w.id
     LIMIT 1000`,
)

export interface QueueHealthRow {
  readonly name: string
  /** `paused`: the queue; `workers paused`: all living workers of it; `not run`: it has none. */
  readonly state: string
  readonly resume_ms: number | null
  /** Why a living worker whose tags match does not run it. */
  readonly refusal: string | null
  readonly backlog: number
}

/** Declared queues that no living worker runs, or that are paused, themselves or all of their workers, with what waits in them. At most 100 of each. */
export const idleQueues = statement<readonly [], QueueHealthRow>(
  'idle_queues',
  (t) => `
    WITH living AS (
      SELECT w.queues, w.refusals, w.paused FROM ${t.workers} w WHERE w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()
    ), named AS (
      SELECT q.name, q.resume_at,
             CASE WHEN q.state = 'paused' AND coalesce(q.resume_at > ${t.fn('now')}(), true) THEN 'paused'
                  WHEN NOT EXISTS (SELECT 1 FROM living l WHERE l.queues OPERATOR(pg_catalog.?) q.name) THEN 'not run'
                  WHEN NOT EXISTS (SELECT 1 FROM living l WHERE l.queues OPERATOR(pg_catalog.?) q.name AND NOT l.paused)
                  THEN 'workers paused'
             END AS state
        FROM ${t.queues} q
    )
    SELECT n.name, n.state, pg_catalog.date_part('epoch', n.resume_at) * 1000::float8 AS resume_ms,
           (SELECT l.refusals OPERATOR(pg_catalog.->>) n.name FROM living l
             WHERE l.refusals OPERATOR(pg_catalog.?) n.name LIMIT 1) AS refusal,
           ${t.fn('backlog')}(n.name) AS backlog
      FROM (SELECT i.name, i.state, i.resume_at,
                   pg_catalog.row_number() OVER (PARTITION BY i.state ORDER BY i.name) AS nr
              FROM named i WHERE i.state IS NOT NULL) n
     WHERE n.nr <= 100::bigint
     ORDER BY n.name`,
)

export interface StalledRow {
  readonly queue: string
  /** For how long its first job has waited, in milliseconds. */
  readonly waits_ms: number
  readonly running: number
  /** How long ago the last of its newest jobs finished, in milliseconds. Null: none has. */
  readonly finished_ms: number | null
  /** When its rate limit lets the next job start, in milliseconds from now. Null: it does now. */
  readonly start_ms: number | null
}

/** Active queues that a living worker runs that is not paused, and whose first job has waited for longer than `waitMs`. At most 20. */
export const waitingQueues = statement<readonly [waitMs: number], StalledRow>(
  'waiting_queues',
  (t) => `
    SELECT h.queue, h.waits_ms, e.running,
           (SELECT pg_catalog.date_part('epoch', ${t.fn('clock')}() - pg_catalog.max(f.finished_at)) * 1000::float8
              FROM (SELECT r.finished_at FROM ${t.finishedJobs} r
                     WHERE r.queue = h.queue ORDER BY r.id DESC LIMIT 100) f) AS finished_ms,
           e.next_start_ms - pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8 AS start_ms
      FROM (
        SELECT q.name AS queue, pg_catalog.date_part('epoch', ${t.fn('clock')}() - r.since) * 1000::float8 AS waits_ms
          FROM ${t.queues} q
         CROSS JOIN LATERAL (
                 SELECT coalesce(j.run_at, greatest(j.scheduled_at, j.created_at)) AS since
                   FROM ${t.jobs} j
                  WHERE j.queue = q.name AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                  ORDER BY j.priority DESC, j.position
                  LIMIT 1) r
         WHERE (q.state = 'active' OR q.resume_at <= ${t.fn('now')}())
           AND EXISTS (SELECT 1 FROM ${t.workers} w
                        WHERE w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}() AND NOT w.paused
                          AND w.queues OPERATOR(pg_catalog.?) q.name)
           AND r.since < ${t.fn('clock')}() - pg_catalog.make_interval(secs => $1::float8 / 1000::float8)
         LIMIT 20) h
     CROSS JOIN LATERAL ${t.fn('explain_queue')}(h.queue, 1, 10000) e`,
)

/** For how long the first job that is due and has no position has been due, in milliseconds. */
export const firstDue = statement<readonly [], { queue: string; due_ms: number }>(
  'first_due',
  (t) => `
    SELECT j.queue, pg_catalog.date_part('epoch', ${t.fn('clock')}() - j.run_at) * 1000::float8 AS due_ms
      FROM ${t.jobs} j
     WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.run_at <= ${t.fn('clock')}()
     ORDER BY j.run_at
     LIMIT 1`,
)

/** Ready jobs that no worker will take, whichever worker asks. */
export const unservedJobs = statement<readonly [bound: number], UnservedRow>(
  'unserved_jobs',
  (t) => `
    SELECT u.kind, u.queue, u.name, u.jobs
      FROM ${t.fn('unserved')}(
             (SELECT w.id FROM ${t.workers} w
               WHERE w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()
               ORDER BY w.started_at, w.id LIMIT 1), $1::int) u`,
)

export interface GroupRow {
  readonly key: string
  /** Counted to 1,000. */
  readonly blocked: number
  /** For how long the oldest of them has been there, in milliseconds. */
  readonly oldest_ms: number
  readonly ready: boolean
  readonly running: number
  /** The job that has run for longest. */
  readonly holder: string | null
  readonly holder_ms: number | null
  readonly holder_worker: string | null
  /** Whether that worker has a lease. */
  readonly holder_alive: boolean | null
}

/** The first thousand groups that have blocked jobs. */
export const blockedGroups = statement<readonly [], GroupRow>(
  'blocked_groups',
  (t) => `
    WITH RECURSIVE walk AS (
      SELECT ''::text COLLATE "C" AS key, 0 AS n
      UNION ALL
      SELECT b.key, walk.n + 1
        FROM walk
       CROSS JOIN LATERAL (
               SELECT j.concurrency_key::text COLLATE "C" AS key
                 FROM ${t.jobs} j
                WHERE j.blocked AND j.concurrency_key > walk.key
                ORDER BY j.concurrency_key
                LIMIT 1) b
       WHERE walk.n < 1000
    )
    SELECT walk.key, b.n AS blocked,
           pg_catalog.date_part('epoch', ${t.fn('clock')}() - b.since) * 1000::float8 AS oldest_ms,
           EXISTS (SELECT 1 FROM ${t.jobs} r
                    WHERE r.position IS NOT NULL AND r.claim_seq IS NULL AND r.concurrency_key = walk.key) AS ready,
           coalesce(h.n, 0) AS running, h.id AS holder,
           pg_catalog.date_part('epoch', ${t.fn('clock')}() - h.since) * 1000::float8 AS holder_ms,
           h.worker AS holder_worker,
           (SELECT w.revoked_at IS NULL AND w.expires_at > ${t.fn('now')}()
              FROM ${t.workers} w WHERE w.id::text = h.worker) AS holder_alive
      FROM walk
     CROSS JOIN LATERAL (
             SELECT pg_catalog.count(*)::int4 AS n, pg_catalog.min(j.created_at) AS since
               FROM (SELECT o.created_at FROM ${t.jobs} o
                      WHERE o.blocked AND o.concurrency_key = walk.key LIMIT 1000) j) b
      LEFT JOIN LATERAL (
             SELECT k.id::text AS id, k.started_at AS since, k.worker_id::text AS worker,
                    (pg_catalog.count(*) OVER ())::int4 AS n
               FROM ${t.jobs} k
              WHERE k.concurrency_key = walk.key AND k.claim_seq IS NOT NULL
              ORDER BY k.started_at
              LIMIT 1) h ON true
     WHERE walk.n > 0`,
)

/** Waits that should be gone for longer than `overMs`, counted to 100,000. */
export const countOldWaiters = statement<readonly [overMs: number], { waiters: number }>(
  'count_old_waiters',
  (t) => `
    SELECT pg_catalog.count(*)::int4 AS waiters
      FROM (SELECT 1 FROM ${t.waiters} w
             WHERE w.until < ${t.fn('clock')}() - pg_catalog.make_interval(secs => $1::float8 / 1000::float8)
             LIMIT 100000) o`,
)
