import { statement } from '../statement.ts'

export interface BulkRow {
  readonly id: string
  readonly action: string
  readonly filter: string | null
  readonly ids: number | null
  readonly queues: string | null
  readonly change: string
  readonly reason: string | null
  readonly actor: string | null
  readonly state: string
  readonly rate: number
  readonly done: number
  readonly skipped: number
  readonly failed: number
  readonly reasons: string
  readonly created_ms: number
  readonly starts_ms: number
  readonly finished_ms: number | null
  readonly undo_ms: number | null
  readonly undo_of: string | null
  readonly undone_by: string | null
  readonly now_ms: number
}

const epochMs = (at: string): string => `pg_catalog.date_part('epoch', ${at}) * 1000::float8`

const columns = (b: string, now: string): string => `
           ${b}.id::text AS id, ${b}.action, ${b}.filter, pg_catalog.cardinality(${b}.ids) AS ids,
           ${b}.queues::text AS queues, ${b}.change::text AS change, ${b}.reason, ${b}.actor::text AS actor, ${b}.state,
           ${b}.rate, ${b}.done, ${b}.skipped, ${b}.failed, ${b}.reasons::text AS reasons,
           ${epochMs(`${b}.created_at`)} AS created_ms, ${epochMs(`${b}.starts_at`)} AS starts_ms,
           ${epochMs(`${b}.finished_at`)} AS finished_ms, ${epochMs(`${b}.undo_until`)} AS undo_ms,
           ${b}.undo_of::text AS undo_of, ${epochMs(now)} AS now_ms`

export type CreateValues = readonly [
  id: string,
  action: string,
  filter: string | null,
  ids: string | null,
  queues: string | null,
  change: string,
  reason: string | null,
  actor: string | null,
  rate: number,
  delayMs: number,
  undoOf: string | null,
]

export const bulkNow = statement<readonly [], { now_ms: number }>(
  'bulk_now',
  (t) => `SELECT ${epochMs(`${t.fn('clock')}()`)} AS now_ms`,
)

/** Arrays as literals. A second try under the same id does nothing. */
export const createBulk = statement<CreateValues, { id: string }>(
  'create_bulk',
  (t) => `
    INSERT INTO ${t.own('bulk_actions')} AS b (id, created_at, starts_at, action, filter, ids, queues, change, reason, actor, rate, undo_of)
    VALUES ($1::text::uuid, ${t.fn('clock')}(),
            ${t.fn('clock')}() + pg_catalog.make_interval(secs => $10::float8 / 1000::float8),
            $2::text, $3::text, $4::text::uuid[], $5::text::text[], $6::text::jsonb, $7::text, $8::text::jsonb,
            $9::int, $11::text::uuid)
        ON CONFLICT (id) DO NOTHING
    RETURNING b.id::text AS id`,
)

export const getBulk = statement<readonly [id: string], BulkRow>(
  'get_bulk',
  (t) => `
    SELECT ${columns('b', `${t.fn('clock')}()`)},
           (SELECT u.id::text FROM ${t.own('bulk_actions')} u WHERE u.undo_of = b.id ORDER BY u.id LIMIT 1) AS undone_by
      FROM ${t.own('bulk_actions')} b
     WHERE b.id = $1::text::uuid`,
)

/** A page of them, the newest first. */
export const listBulk = statement<
  readonly [before: string | null, state: string | null, limit: number],
  BulkRow
>(
  'list_bulk',
  (t) => `
    SELECT ${columns('b', `${t.fn('clock')}()`)},
           (SELECT u.id::text FROM ${t.own('bulk_actions')} u WHERE u.undo_of = b.id ORDER BY u.id LIMIT 1) AS undone_by
      FROM ${t.own('bulk_actions')} b
     WHERE b.id < coalesce($1::text::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
       AND ($2::text IS NULL OR b.state = $2::text)
     ORDER BY b.id DESC
     LIMIT $3::int`,
)

/** Locks it, so that it stays as it is until the transaction ends. A step of it ends first. */
export const lockBulk = statement<
  readonly [id: string],
  { state: string; rate: number; action: string; queues: string | null; can_undo: boolean }
>(
  'lock_bulk',
  (t) => `
    SELECT b.state, b.rate, b.action, b.queues::text AS queues,
           b.action NOT IN ('delete', 'undo') AND b.undo_until > ${t.fn('clock')}()
           AND NOT EXISTS (SELECT FROM ${t.own('bulk_actions')} u WHERE u.undo_of = b.id) AS can_undo
      FROM ${t.own('bulk_actions')} b WHERE b.id = $1::text::uuid FOR NO KEY UPDATE`,
)

/** One that has not ended. A state that is null, or a rate, stays. What resumes before its time waits for it. */
export const changeBulk = statement<
  readonly [id: string, state: string | null, rate: number | null],
  { id: string }
>(
  'change_bulk',
  (t) => `
    UPDATE ${t.own('bulk_actions')} b
       SET state = CASE WHEN $2::text = 'running' AND b.starts_at > ${t.fn('clock')}() THEN 'waiting'
                        ELSE coalesce($2::text, b.state) END,
           rate = coalesce($3::int, b.rate),
           finished_at = CASE WHEN $2::text = 'stopped' THEN ${t.fn('clock')}() END,
           -- A new rate holds from now on.
           stepped_at = CASE WHEN $2::text IS NULL THEN least(b.stepped_at, ${t.fn('clock')}()) ELSE b.stepped_at END
     WHERE b.id = $1::text::uuid AND b.finished_at IS NULL
    RETURNING b.id::text AS id`,
)
