import type { RuleNode } from '../../core/rule/rule-node.ts'
import type { Value } from '../../database/driver.ts'
import { quoteLiteral } from '../../database/names.ts'
import { type Statement, statement } from '../../database/statement.ts'
import { compileRule, finishedColumns } from '../../database/statements/rules.ts'

/** Rows that finished less long ago than this, in minutes, are never removed. */
export const YOUNGEST_MINUTES = 10

/**
 * Settings of a transaction. It waits briefly for a lock: a partition that is being detached is left alone. And
 * it walks along the index: a plan that reads a partition whole to sort it would do so for each page.
 */
export const limitStep = statement<readonly [lockMs: string], never>(
  'limit_pruning',
  () => `
    SELECT pg_catalog.set_config('lock_timeout', $1::text, true) AS lock_timeout,
           pg_catalog.set_config('enable_seqscan', 'off', true) AS enable_seqscan,
           pg_catalog.set_config('enable_bitmapscan', 'off', true) AS enable_bitmapscan,
           pg_catalog.set_config('enable_sort', 'off', true) AS enable_sort,
           pg_catalog.set_config('jit', 'off', true) AS jit`,
)

export interface Day {
  /** As `20260131`. */
  readonly day: string
  readonly from_ms: number
  readonly until_ms: number
  readonly now_ms: number
}

/** The days of the history, the oldest first, by the clock of the database. */
export const findDays = statement<readonly [], Day>(
  'find_days',
  (t) => `
    SELECT d.day,
           pg_catalog.date_part('epoch', d.at AT TIME ZONE 'UTC') * 1000::float8 AS from_ms,
           pg_catalog.date_part('epoch', (d.at + interval '1 day') AT TIME ZONE 'UTC') * 1000::float8
             AS until_ms,
           pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8 AS now_ms
      FROM (
        SELECT pg_catalog.right(c.relname::text, 8) AS day,
               pg_catalog.to_date(pg_catalog.right(c.relname::text, 8), 'YYYYMMDD')::timestamp AS at
          FROM pg_catalog.pg_inherits i
          JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = ${quoteLiteral(t.finishedJobs)}::regclass::oid
           AND NOT i.inhdetachpending
           AND c.relname::text ~ '^finished_jobs_[0-9]{8}$') d
     ORDER BY d.at`,
)

/**
 * The partition of one day, of `$1` to `$2` in milliseconds since the epoch. It is reached by its parent, on which
 * roles have their rights. Both bounds are known when the statement is planned, so that no other one is opened.
 */
const inDay = (row: string): string =>
  `${row}.finished_at >= pg_catalog.to_timestamp($1::float8 / 1000::float8)
       AND ${row}.finished_at < pg_catalog.to_timestamp($2::float8 / 1000::float8)`
const isOldEnough = (row: string, now: string): string =>
  `${row}.finished_at <= ${now} - interval '${YOUNGEST_MINUTES} minutes'`

/** What a scan of a page found. */
export interface Page {
  readonly read: number
  readonly matched: number
  /** Null: the page is empty. */
  readonly last_id: string | null
  /** Where the rows are that fit, and their ids in the same order, as array literals. Null: none. */
  readonly ctids: string | null
  readonly ids: string | null
}

export interface PageScan {
  readonly statement: Statement<readonly Value[], Page>
  values(day: Day, after: string, rows: number): readonly Value[]
}

/**
 * Reads rows of a day, by their ids, and says which of them fit a rule. With a queue, the rows of this one alone: by
 * the index that has it, since the order is that of no other index.
 */
export function pageScan(rule: RuleNode, queue: string | null): PageScan {
  const own = queue === null ? [] : [queue]
  const first = 5 + own.length
  const compiled = (now: string) => compileRule(rule, finishedColumns('f'), { first, now })
  const { values } = compiled('')
  const [after, order] =
    queue === null
      ? ['f.id > $3::text::uuid', 'f.id']
      : ['(f.queue, f.id) > ($5::text, $3::text::uuid) AND f.queue <= $5::text', 'f.queue, f.id']
  return {
    statement: statement<readonly Value[], Page>('scan_history', (t) => {
      const now = `${t.fn('now')}()`
      return `
    WITH page AS MATERIALIZED (
      SELECT f.ctid AS tid, f.id, ${isOldEnough('f', now)} AND ${compiled(now).sql} AS fits
        FROM ${t.finishedJobs} f
       WHERE ${inDay('f')}
         AND ${after}
       ORDER BY ${order}
       LIMIT $4::int
    )
    SELECT pg_catalog.count(*)::int AS read,
           (pg_catalog.count(*) FILTER (WHERE p.fits))::int AS matched,
           pg_catalog.max(p.id::text COLLATE "C") AS last_id,
           (pg_catalog.array_agg(p.tid) FILTER (WHERE p.fits))::text AS ctids,
           (pg_catalog.array_agg(p.id) FILTER (WHERE p.fits))::text AS ids
      FROM page p`
    }),
    values: (day, last, rows) => [day.from_ms, day.until_ms, last, rows, ...own, ...values],
  }
}

/**
 * Removes rows that a scan found. One that is locked, as by a retry, is left alone: nothing is waited for. The id is
 * compared, since another row may stand in its place by now, and so is the time, since a job that was retried may
 * have finished again.
 */
export const removeRows = statement<
  readonly [fromMs: number, untilMs: number, ctids: string, ids: string],
  { removed: number }
>(
  'prune_history',
  (t) => `
    WITH gone AS (
      DELETE FROM ${t.finishedJobs} f
       WHERE ${inDay('f')}
         AND f.ctid = ANY (ARRAY(
               SELECT h.tid
                 FROM unnest($3::text::tid[], $4::text::uuid[]) AS d(tid, id)
                -- One probe a row, by its place: no plan may begin elsewhere.
                CROSS JOIN LATERAL (
                        SELECT g.ctid AS tid
                          FROM ${t.finishedJobs} g
                         WHERE ${inDay('g')}
                           AND g.ctid = d.tid AND (g.id = d.id) IS TRUE
                           AND ${isOldEnough('g', `${t.fn('now')}()`)}
                           FOR UPDATE SKIP LOCKED) h))
      RETURNING true AS is_gone
    )
    SELECT pg_catalog.count(*)::int AS removed FROM gone`,
)
