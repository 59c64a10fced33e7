import { statement } from '../statement.ts'
import { PAGE_BYTES, QUEUED_JOB, type QueuedJobRow } from './queued-jobs.ts'

/** What a search is asked for: JSON of a query and of the place to continue from. */
export type FindValues = readonly [
  query: string,
  place: string | null,
  size: number,
  budgetMs: number,
]

/** A job in the order of the search. In a last row without an id: where the search stopped when its time was over. */
export type FoundRow = (QueuedJobRow | { readonly id: null }) & {
  /** Where the search continues behind it, as JSON. */
  readonly place: string
  /** The sizes of the parts in bytes, as JSON; null for a part that is missing. */
  readonly sizes: string | null
}

const PARTS = ['args', 'result', 'meta', 'progress', 'errors'] as const
/** `durable` is small beside them. */
const CUT = QUEUED_JOB.replace(
  new RegExp(`\\b(?:${PARTS.join('|')})\\b`, 'g'),
  (column) =>
    `CASE WHEN pg_catalog.octet_length(${column}) <= $5::int AND bytes <= ${PAGE_BYTES}::bigint THEN ${column} END AS ${column}`,
).replace(/\bid\b/, 'p.id')

/**
 * A page of a search, in one snapshot with the jobs that it shows. Parts that are larger than `maxPartBytes`, or with
 * which the page would be too large, are left out.
 */
export const findJobs = statement<readonly [...FindValues, maxPartBytes: number], FoundRow>(
  'find_jobs',
  (t) => `
    WITH found AS MATERIALIZED (
      SELECT f.id, f.place, pg_catalog.row_number() OVER () AS n
        FROM ${t.fn('find_jobs')}($1::text::jsonb, $2::text::jsonb, $3::int, $4::float8) f
    )
    SELECT ${CUT}, place, sizes
      FROM (
        SELECT j.*, f.n, f.place::text AS place,
               CASE WHEN j.id IS NOT NULL THEN pg_catalog.json_build_object(${PARTS.map(
                 (part) => `'${part}', pg_catalog.octet_length(j.${part})`,
               ).join(', ')})::text END AS sizes,
               pg_catalog.sum(${PARTS.map(
                 (part) =>
                   `CASE WHEN pg_catalog.octet_length(j.${part}) <= $5::int THEN pg_catalog.octet_length(j.${part}) ELSE 0 END`,
               ).join(' + ')}) OVER (ORDER BY f.n) AS bytes
          FROM found f
          LEFT JOIN ${t.fn('get_jobs')}(ARRAY(SELECT k.id FROM found k WHERE k.id IS NOT NULL)) j
            ON j.id = f.id::text) p
     ORDER BY p.n`,
)

/** How many jobs a search finds, and where it stopped. */
export const countFound = statement<
  FindValues,
  { jobs: number; place: string | null; stopped: boolean }
>(
  'count_found',
  (t) => `
    SELECT pg_catalog.count(f.id)::int4 AS jobs,
           (pg_catalog.array_agg(f.place ORDER BY f.n DESC))[1]::text AS place,
           pg_catalog.count(*) > pg_catalog.count(f.id) AS stopped
      FROM (SELECT g.id, g.place, pg_catalog.row_number() OVER () AS n
              FROM ${t.fn('find_jobs')}($1::text::jsonb, $2::text::jsonb, $3::int, $4::float8) g) f`,
)
