import { statement } from '../statement.ts'

export type RecordValues = readonly [
  id: string,
  verb: string,
  target: string | null,
  filter: string | null,
  before: string | null,
  after: string | null,
  actor: string | null,
  reason: string | null,
  outcome: string,
  code: string | null,
  jobs: number | null,
  address: string | null,
  requestId: string | null,
  bulkId: string | null,
]

/** Writes one row of the audit log, once for an id. */
export const recordAction = statement<RecordValues, { recorded: boolean }>(
  'record_action',
  (t) => `
    SELECT ${t.fn('record_action')}($1::text::uuid, $2::text, $3::text, $4::text, $5::text::jsonb, $6::text::jsonb,
             $7::text::jsonb, $8::text, $9::text, $10::text, $11::int, $12::text::inet, $13::text::uuid,
             $14::text::uuid) AS recorded`,
)

/** Whether the row of an action is there, and so the action was done. */
export const wasRecorded = statement<readonly [id: string], { recorded: boolean }>(
  'was_recorded',
  (t) => `SELECT ${t.fn('was_recorded')}($1::text::uuid) AS recorded`,
)

export interface AuditRow {
  readonly id: string
  readonly at_ms: number
  readonly actor: string | null
  readonly verb: string
  readonly target: string | null
  readonly filter: string | null
  readonly before: string | null
  readonly after: string | null
  readonly reason: string | null
  readonly outcome: string
  readonly code: string | null
  readonly jobs: number | null
  readonly address: string | null
  readonly request_id: string | null
  readonly bulk_id: string | null
}

export type AuditValues = readonly [
  beforeId: string | null,
  actor: string | null,
  verb: string | null,
  target: string | null,
  outcome: string | null,
  bulkId: string | null,
  sinceMs: number | null,
  untilMs: number | null,
  limit: number,
]

const COLUMNS = `
           a.id::text AS id, pg_catalog.date_part('epoch', a.at) * 1000::float8 AS at_ms, a.actor::text AS actor,
           a.verb, a.target, a.filter, a.before::text AS before, a.after::text AS after, a.reason, a.outcome, a.code,
           a.jobs, pg_catalog.host(a.address) AS address, a.request_id::text AS request_id,
           a.bulk_id::text AS bulk_id`

const rest = `
       AND a.id < coalesce($1::text::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
       AND ($2::text IS NULL OR a.actor ->> 'id'::text = $2::text)
       AND ($3::text IS NULL OR a.verb LIKE $3::text)
       AND ($5::text IS NULL OR a.outcome = $5::text)
       AND ($6::text IS NULL OR a.bulk_id = $6::text::uuid)
       AND ($7::float8 IS NULL OR a.at >= pg_catalog.to_timestamp($7::float8 / 1000::float8))
       AND ($8::float8 IS NULL OR a.at < pg_catalog.to_timestamp($8::float8 / 1000::float8))
     ORDER BY a.id DESC
     LIMIT $9::int`

/** A page of entries, the newest first. */
export const listAudit = statement<AuditValues, AuditRow>(
  'list_audit',
  (t) => `
    SELECT ${COLUMNS}
      FROM ${t.own('audit')} a
     WHERE $4::text IS NULL ${rest}`,
)

/** The same of one target, by its index. */
export const listAuditOf = statement<AuditValues, AuditRow>(
  'list_audit_of',
  (t) => `
    SELECT ${COLUMNS}
      FROM ${t.own('audit')} a
     WHERE a.target = $4::text ${rest}`,
)

/** Rows that are older than this, and never younger ones than 30 days. */
export const pruneAudit = statement<
  readonly [keptMs: number, maxRows: number],
  { removed: number }
>('prune_audit', (t) => `SELECT ${t.fn('prune_audit')}($1::float8, $2::int) AS removed`)
