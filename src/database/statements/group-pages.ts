import type { Names } from '../names.ts'
import { statement } from '../statement.ts'

export interface GroupRow {
  readonly key: string
  readonly max: number | null
  readonly running: number
  readonly blocked: number
  /** JSON of rows as `readHolders` has them. */
  readonly holders: string
}

/** The first key from a bound on, of each of the three indexes that have the jobs of groups. */
const nextKey = (t: Names, bound: string): string => `
    least((SELECT j.concurrency_key FROM ${t.jobs} j
            WHERE j.concurrency_key ${bound} AND j.claim_seq IS NOT NULL
            ORDER BY j.concurrency_key LIMIT 1),
          (SELECT j.concurrency_key FROM ${t.jobs} j
            WHERE j.concurrency_key ${bound} AND j.blocked
            ORDER BY j.concurrency_key LIMIT 1),
          (SELECT j.concurrency_key FROM ${t.jobs} j
            WHERE j.concurrency_key ${bound} AND j.position IS NOT NULL AND j.claim_seq IS NULL
            ORDER BY j.concurrency_key LIMIT 1))`

/**
 * A page of groups with jobs that are ready, blocked or running, by key, from one probe of each index to the next. A
 * count is a scan of what an index has of the group alone: of those that run, and of those that are blocked to one more
 * than the bound. The page lies between `from` and `to`.
 */
export const listGroups = statement<
  readonly [from: string, to: string, blockedBound: number, limit: number, holders: number],
  GroupRow
>(
  'list_groups',
  (t) => `
    WITH RECURSIVE keys (key, n) AS (
      SELECT ${nextKey(t, '>= $1::text COLLATE "C"')}::text COLLATE "C", 1
       UNION ALL
      SELECT ${nextKey(t, '> k.key')}::text COLLATE "C", k.n + 1
        FROM keys k
       WHERE k.key <= $2::text COLLATE "C" AND k.n < $4::int
    )
    SELECT k.key, r.running, b.blocked, h.holders,
           coalesce(
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = k.key AND j.position IS NOT NULL AND j.claim_seq IS NULL
               ORDER BY j.position LIMIT 1),
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = k.key AND j.blocked
               ORDER BY j.queue, j.priority DESC, j.seq LIMIT 1),
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = k.key AND j.claim_seq IS NOT NULL
               ORDER BY j.claim_seq DESC LIMIT 1)) AS max
      FROM keys k
     CROSS JOIN LATERAL (
             SELECT pg_catalog.count(*)::int AS running
               FROM ${t.jobs} j
              WHERE j.concurrency_key = k.key AND j.claim_seq IS NOT NULL) r
     CROSS JOIN LATERAL (
             SELECT pg_catalog.count(*)::int AS blocked
               FROM (SELECT 1 FROM ${t.jobs} j
                      WHERE j.concurrency_key = k.key AND j.blocked
                      LIMIT $3::int + 1) c) b
     CROSS JOIN LATERAL (
             SELECT coalesce(pg_catalog.json_agg(c.holder ORDER BY c.claim_seq), '[]'::json)::text AS holders
               FROM (SELECT j.claim_seq, pg_catalog.json_build_object('id', j.id, 'name', j.name, 'queue', j.queue,
                              'started_ms', pg_catalog.date_part('epoch', j.started_at) * 1000::float8,
                              'worker_id', j.worker_id) AS holder
                       FROM ${t.jobs} j
                      WHERE j.concurrency_key = k.key AND j.claim_seq IS NOT NULL
                      ORDER BY j.claim_seq
                      LIMIT $5::int) c) h
     WHERE k.key <= $2::text COLLATE "C"
     ORDER BY k.key`,
)

/** The same of one. */
export const readGroupCounts = statement<
  readonly [key: string, blockedBound: number],
  Omit<GroupRow, 'key' | 'holders'>
>(
  'group_counts',
  (t) => `
    SELECT (SELECT pg_catalog.count(*)::int FROM ${t.jobs} j
             WHERE j.concurrency_key = $1::text AND j.claim_seq IS NOT NULL) AS running,
           (SELECT pg_catalog.count(*)::int
              FROM (SELECT 1 FROM ${t.jobs} j
                     WHERE j.concurrency_key = $1::text AND j.blocked
                     LIMIT $2::int + 1) c) AS blocked,
           coalesce(
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = $1::text AND j.position IS NOT NULL AND j.claim_seq IS NULL
               ORDER BY j.position LIMIT 1),
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = $1::text AND j.blocked
               ORDER BY j.queue, j.priority DESC, j.seq LIMIT 1),
             (SELECT j.concurrency_max FROM ${t.jobs} j
               WHERE j.concurrency_key = $1::text AND j.claim_seq IS NOT NULL
               ORDER BY j.claim_seq DESC LIMIT 1)) AS max`,
)

export interface HolderRow {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly started_ms: number | null
  readonly worker_id: string | null
}

/** The jobs of a group that run, the first claim first. */
export const readHolders = statement<readonly [key: string, limit: number], HolderRow>(
  'group_holders',
  (t) => `
    SELECT j.id::text AS id, j.name::text AS name, j.queue,
           pg_catalog.date_part('epoch', j.started_at) * 1000::float8 AS started_ms, j.worker_id::text AS worker_id
      FROM ${t.jobs} j
     WHERE j.concurrency_key = $1::text AND j.claim_seq IS NOT NULL
     ORDER BY j.claim_seq
     LIMIT $2::int`,
)
