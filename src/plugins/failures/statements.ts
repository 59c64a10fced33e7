import type { Names } from '../../database/names.ts'
import { type Statement, statement } from '../../database/statement.ts'

/** Adds a flush, as JSON. */
export const addFailures = statement<readonly [entries: string], never>(
  'failures_add',
  (t) => `SELECT ${t.own('failures_add_1')}($1::text::jsonb)::text`,
)

export interface GroupRow {
  readonly fingerprint: string
  readonly name: string
  readonly kind: string
  readonly error: string
  readonly message: string
  readonly frames: string
  readonly first_ms: number
  readonly last_ms: number
  readonly total: number
  readonly samples: string
  readonly first_version: string | null
  readonly last_version: string | null
  readonly state: string
  readonly state_by: string | null
  readonly state_ms: number | null
  readonly note: string | null
  readonly again: number
  readonly is_new: boolean
  readonly hours: string
  /** What the page is ordered by. */
  readonly rank: number
}

const epochMs = (at: string): string => `pg_catalog.date_part('epoch', ${at}) * 1000::float8`

/** First seen within a day, or by the version of the newest worker alone. */
const isNew = (t: Names): string => `
           (g.first_at > ${t.fn('now')}() - interval '1 day'
            OR coalesce(g.first_version = (SELECT w.version FROM ${t.workers} w
                                            WHERE w.version IS NOT NULL
                                            ORDER BY w.started_at DESC LIMIT 1), false))`

const columns = (t: Names): string => `
           g.fingerprint::text AS fingerprint, g.name, g.kind, g.error, g.message,
           pg_catalog.to_json(g.frames)::text AS frames, ${epochMs('g.first_at')} AS first_ms,
           ${epochMs('g.last_at')} AS last_ms, g.total::float8 AS total,
           pg_catalog.to_json(g.samples)::text AS samples, g.first_version, g.last_version, g.state, g.state_by,
           ${epochMs('g.state_at')} AS state_ms, g.note, g.again, ${isNew(t)} AS is_new`

/** By hour, since then. */
const hoursOf = (t: Names, of: string, since: string): string => `
           (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(x.hour_ms, x.n) ORDER BY x.hour_ms), '[]'::json)::text
              FROM (SELECT ${epochMs('h.hour')} AS hour_ms, pg_catalog.sum(h.n)::int AS n
                      FROM ${t.own('failures_hours')} h
                     WHERE h.fingerprint = ${of} AND h.hour > ${t.fn('now')}() - interval '${since}'
                     GROUP BY h.hour) x) AS hours`

export type ListValues = readonly [
  state: string | null,
  name: string | null,
  kind: string | null,
  version: string | null,
  beforeRank: number | null,
  beforeFingerprint: string | null,
  limit: number,
]

const RANKS = {
  last: epochMs('g.last_at'),
  new: epochMs('g.first_at'),
  most: 'coalesce(m.n, 0::int8)::float8',
} as const
export type FailureOrder = keyof typeof RANKS

/** Of all groups together: a search of each one's hours would read the index as often as there are groups. */
const failuresOfDay = (t: Names): string => `
                      LEFT JOIN (SELECT h.fingerprint, pg_catalog.sum(h.n) AS n
                                   FROM ${t.own('failures_hours')} h
                                  WHERE h.hour > ${t.fn('now')}() - interval '24 hours'
                                  GROUP BY h.fingerprint) m ON m.fingerprint = g.fingerprint`

/** A page of groups: at most 10,000 are there, and only those of the page are read with their hours. */
const listBy = (order: FailureOrder): Statement<ListValues, GroupRow> =>
  statement(
    `failures_by_${order}`,
    (t) => `
    SELECT ${columns(t)}, ${hoursOf(t, 'g.fingerprint', '24 hours')}, r.rank
      FROM (SELECT s.fingerprint, s.rank
              FROM (SELECT g.fingerprint, ${RANKS[order]} AS rank
                      FROM ${t.own('failures_groups')} g${order === 'most' ? failuresOfDay(t) : ''}
                     WHERE ($1::text IS NULL OR g.state = $1::text)
                       AND ($2::text IS NULL OR g.name = $2::text)
                       AND ($3::text IS NULL OR g.kind = $3::text)
                       AND ($4::text IS NULL OR g.first_version = $4::text OR g.last_version = $4::text)) s
             WHERE $5::float8 IS NULL OR s.rank < $5::float8
                OR (s.rank = $5::float8 AND s.fingerprint < $6::text::int8)
             ORDER BY s.rank DESC, s.fingerprint DESC
             LIMIT $7::int) r
      JOIN ${t.own('failures_groups')} g ON g.fingerprint = r.fingerprint
     ORDER BY r.rank DESC, r.fingerprint DESC`,
  )

export const LISTS = { last: listBy('last'), most: listBy('most'), new: listBy('new') }

export const getGroup = statement<readonly [fingerprint: string], GroupRow & { queues: string }>(
  'failures_get',
  (t) => `
    SELECT ${columns(t)}, ${hoursOf(t, 'g.fingerprint', '30 days')}, 0::float8 AS rank,
           (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(x.queue, x.n) ORDER BY x.n DESC, x.queue), '[]'::json)::text
              FROM (SELECT h.queue, pg_catalog.sum(h.n)::int AS n
                      FROM ${t.own('failures_hours')} h
                     WHERE h.fingerprint = g.fingerprint
                     GROUP BY h.queue) x) AS queues
      FROM ${t.own('failures_groups')} g
     WHERE g.fingerprint = $1::text::int8`,
)

export const countGroups = statement<
  readonly [],
  { open: number; muted: number; resolved: number; new: number }
>(
  'failures_count',
  (t) => `
    SELECT (pg_catalog.count(*) FILTER (WHERE g.state = 'open'))::int AS open,
           (pg_catalog.count(*) FILTER (WHERE g.state = 'muted'))::int AS muted,
           (pg_catalog.count(*) FILTER (WHERE g.state = 'resolved'))::int AS resolved,
           (pg_catalog.count(*) FILTER (WHERE g.state = 'open' AND ${isNew(t)}))::int AS new
      FROM ${t.own('failures_groups')} g`,
)

export const lockGroup = statement<
  readonly [fingerprint: string],
  { state: string; note: string | null }
>(
  'failures_lock',
  (t) => `
    SELECT g.state, g.note FROM ${t.own('failures_groups')} g
     WHERE g.fingerprint = $1::text::int8
       FOR NO KEY UPDATE`,
)

export const decideGroup = statement<
  readonly [fingerprint: string, state: string, by: string | null],
  { state: string }
>(
  'failures_decide',
  (t) => `
    UPDATE ${t.own('failures_groups')} g
       SET state = $2::text, state_by = $3::text, state_at = ${t.fn('clock')}()
     WHERE g.fingerprint = $1::text::int8
    RETURNING g.state`,
)

export const noteGroup = statement<
  readonly [fingerprint: string, note: string | null],
  { note: string | null }
>(
  'failures_note',
  (t) => `
    UPDATE ${t.own('failures_groups')} g SET note = $2::text WHERE g.fingerprint = $1::text::int8 RETURNING g.note`,
)

/** Hours that are over, and groups that are too many: the oldest closed ones go first. */
export const removeOld = statement<
  readonly [maxGroups: number, limit: number],
  { removed: number }
>(
  'failures_remove',
  (t) => `
    WITH hours AS (
      DELETE FROM ${t.own('failures_hours')} h
       WHERE h.ctid = ANY (ARRAY(
               SELECT o.ctid FROM ${t.own('failures_hours')} o
                WHERE o.hour < ${t.fn('now')}() - interval '30 days'
                ORDER BY o.hour LIMIT $2::int FOR UPDATE SKIP LOCKED))
      RETURNING 1
    ), surplus AS (
      SELECT o.fingerprint
        FROM ${t.own('failures_groups')} o
       ORDER BY o.state = 'open', o.last_at
       LIMIT least($2::int8, greatest(0::int8,
               (SELECT pg_catalog.count(*) FROM ${t.own('failures_groups')}) - $1::int8))
         FOR UPDATE SKIP LOCKED
    ), groups AS (
      DELETE FROM ${t.own('failures_groups')} g
       WHERE g.fingerprint = ANY (ARRAY(SELECT s.fingerprint FROM surplus s))
      RETURNING g.fingerprint
    ), orphans AS (
      DELETE FROM ${t.own('failures_hours')} h
       WHERE h.fingerprint = ANY (ARRAY(SELECT g.fingerprint FROM groups g))
         AND h.hour >= ${t.fn('now')}() - interval '30 days'
      RETURNING 1
    )
    SELECT ((SELECT pg_catalog.count(*) FROM hours) + (SELECT pg_catalog.count(*) FROM groups)
            + 0::int8 * (SELECT pg_catalog.count(*) FROM orphans))::int AS removed`,
)
