import { statement } from '../../../database/statement.ts'

export interface TickRow {
  readonly at_ms: number
  readonly what: string
  readonly recorded_ms: number
  readonly job: string | null
  readonly holder: string | null
  readonly count: number
  readonly from_ms: number | null
}

/** The newest ticks of a schedule, newest first. */
export const listTicks = statement<readonly [key: string, limit: number], TickRow>(
  'cron_list_ticks',
  (t) => `
    SELECT pg_catalog.round(pg_catalog.date_part('epoch', c.at) * 1000::float8) AS at_ms, c.what,
           pg_catalog.date_part('epoch', c.recorded_at) * 1000::float8 AS recorded_ms,
           c.job::text AS job, c.holder::text AS holder, c.count,
           pg_catalog.round(pg_catalog.date_part('epoch', c.from_at) * 1000::float8) AS from_ms
      FROM ${t.own('cron_ticks')} c
     WHERE c.key = $1::text
     ORDER BY c.at DESC LIMIT $2::int`,
)

/** Ticks that were recorded this long ago. The newest of a schedule stays: by it no earlier one is fired again. */
export const removeTicks = statement<readonly [ageMs: number, limit: number], { removed: number }>(
  'cron_remove_ticks',
  (t) => `
    WITH gone AS (
      DELETE FROM ${t.own('cron_ticks')} c
       USING (
         SELECT o.key, o.at
           FROM ${t.own('cron_ticks')} o
          WHERE o.recorded_at < ${t.fn('now')}() - pg_catalog.make_interval(secs => $1::float8 / 1000::float8)
            AND (EXISTS (SELECT 1 FROM ${t.own('cron_ticks')} n WHERE n.key = o.key AND n.at > o.at)
                 OR NOT EXISTS (SELECT 1 FROM ${t.own('cron_schedules')} s WHERE s.key = o.key))
          ORDER BY o.recorded_at LIMIT $2::int) d
       WHERE c.key = d.key AND c.at = d.at
      RETURNING 1
    )
    SELECT pg_catalog.count(*)::int4 AS removed FROM gone`,
)
