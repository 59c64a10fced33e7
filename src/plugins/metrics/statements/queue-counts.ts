import { statement } from '../../../database/statement.ts'

export interface ClassCountsRow {
  /** Null in the first row. */
  readonly queue: string | null
  readonly ready: number
  readonly parked: number
  readonly scheduled: number
  readonly backoff: number
  readonly blocked: number
  readonly running: number
  readonly is_bounded: boolean
  readonly oldest_ms: number | null
  readonly deep_ms: number | null
  /** Of the first row. */
  readonly at_ms: number | null
  readonly age_ms: number | null
}

const epochMs = (at: string): string => `pg_catalog.date_part('epoch', ${at}) * 1000::float8`

/** What is stored of each queue by what its jobs wait for, and when that was counted. */
export const readCountsByClass = statement<readonly [], ClassCountsRow>(
  'metrics_class_counts',
  (t) => `
    SELECT NULL::text AS queue, 0::float8 AS ready, 0::float8 AS parked, 0::float8 AS scheduled, 0::float8 AS backoff,
           0::float8 AS blocked, 0::float8 AS running, false AS is_bounded, NULL::float8 AS oldest_ms,
           NULL::float8 AS deep_ms, ${epochMs('l.at')} AS at_ms,
           CASE WHEN l.at IS NOT NULL THEN greatest(0::float8, ${epochMs(`${t.fn('clock')}() - l.at`)}) END AS age_ms
      FROM (VALUES (1)) AS one(n)
      LEFT JOIN ${t.own('metrics_levels')} l ON l.name = 'queues'
     UNION ALL
    (SELECT c.queue, c.ready::float8, c.parked::float8, c.scheduled::float8, c.backoff::float8, c.blocked::float8,
            c.running::float8, c.is_bounded, ${epochMs('c.oldest_at')},
            ${epochMs('CASE WHEN c.is_bounded THEN c.deep_at END')}, NULL::float8, NULL::float8
       FROM ${t.own('metrics_queue_counts')} c
      ORDER BY c.queue)`,
)
