import { statement } from '../statement.ts'

/** One job of either table, as every reader gets it. */
export interface QueuedJobRow {
  readonly id: string
  readonly queue: string
  readonly name: string
  readonly args: string
  readonly state: string
  readonly priority: number
  readonly attempts: number
  readonly max_attempts: number | null
  readonly created_ms: number
  readonly scheduled_ms: number | null
  readonly started_ms: number | null
  readonly finished_ms: number | null
  readonly unique_key: string | null
  readonly concurrency_key: string | null
  readonly limits: string | null
  readonly errors: string | null
  readonly progress: string | null
  readonly meta: string | null
  readonly result: string | null
  readonly wall_ms: number | null
  readonly cpu_ms: number | null
  readonly peak_bytes: number | null
  readonly worker_id: string | null
  /** JSON of `{ values, open }` of a durable job that shows something, else null. */
  readonly durable: string | null
}

export const QUEUED_JOB = `id, queue, name, args, state, priority, attempts, max_attempts, created_ms,
           scheduled_ms, started_ms, finished_ms, unique_key, concurrency_key, limits, errors,
           progress, meta, result, wall_ms, cpu_ms, peak_bytes, worker_id, durable`

/** Of both tables, whichever a job is in. */
export const getJobs = statement<readonly [ids: string], QueuedJobRow>(
  'get_jobs',
  (t) => `SELECT ${QUEUED_JOB} FROM ${t.fn('get_jobs')}($1::text::uuid[])`,
)

/** Only ids and states. */
export const getStates = statement<readonly [ids: string], { id: string; state: string }>(
  'get_states',
  (t) => `SELECT id::text AS id, state FROM ${t.fn('get_states')}($1::text::uuid[])`,
)

/** What a wait polls: ids and states of all, and the rest of those in a wanted state. */
export type AwaitedRow = (QueuedJobRow | { readonly id: null }) & {
  readonly known_id: string
  readonly known_state: string
}

/**
 * In one statement, since both functions see its snapshot: read a moment after the state, a job would
 * already be in the next one. What else there is to a job is read only where it is wanted; of the
 * others it is null.
 */
export const getAwaited = statement<readonly [ids: string, states: string], AwaitedRow>(
  'get_awaited',
  (t) => `
    WITH known AS MATERIALIZED (
      SELECT s.id AS known_id, s.state AS known_state
        FROM ${t.fn('get_states')}($1::text::uuid[]) s
    )
    SELECT known_id::text AS known_id, known_state, ${QUEUED_JOB}
      FROM known
      LEFT JOIN ${t.fn('get_jobs')}(ARRAY(
             SELECT w.known_id FROM known w WHERE w.known_state = ANY ($2::text::text[]))) j
        ON j.id = known_id::text`,
)

/** Which jobs a page is of; null: whatever it is. `after`: the last id of the page before. */
export type ListValues = readonly [
  queue: string | null,
  state: string | null,
  name: string | null,
  after: string | null,
  limit: number,
]

const LARGE_COLUMNS = ['args', 'errors', 'progress', 'meta', 'result', 'durable']
const LARGE = new RegExp(`\\b(?:${LARGE_COLUMNS.join('|')})\\b`, 'g')
/** What the large columns of one page may take together, in bytes: the rest of them come cut. */
export const PAGE_BYTES = 134_217_728

/** A page, newest first. */
export const listJobs = statement<ListValues, QueuedJobRow>(
  'list_jobs',
  (t) => `
    SELECT ${QUEUED_JOB.replace(LARGE, (column) => `CASE WHEN bytes <= ${PAGE_BYTES}::bigint THEN ${column} ELSE '' END AS ${column}`)}
      FROM (
        SELECT j.*, pg_catalog.sum(${LARGE_COLUMNS.map((column) => `coalesce(pg_catalog.octet_length(${column}), 0)`).join(' + ')})
                    OVER (ORDER BY id::uuid DESC) AS bytes
          FROM ${t.fn('list_jobs')}($1::text, $2::text, $3::text, $4::text::uuid, $5::int) j) page
     ORDER BY id::uuid DESC
     LIMIT $5::int`,
)

/** A page of the durable jobs that wait for a signal, newest first. */
export const listWaiting = statement<
  readonly [
    signal: string,
    queue: string | null,
    name: string | null,
    after: string | null,
    limit: number,
  ],
  QueuedJobRow
>(
  'list_waiting',
  (t) =>
    `SELECT ${QUEUED_JOB} FROM ${t.fn('list_waiting')}($1::text, $2::text, $3::text, $4::text::uuid, $5::int)`,
)

/** Registers what a wait is for; `finish` looks here and says when it happened. */
export const addWaiters = statement<readonly [ids: string, untilMs: number], never>(
  'add_waiters',
  (t) => `SELECT ${t.fn('add_waiters')}($1::text::uuid[], $2::float8)::text`,
)

export const removeWaiters = statement<readonly [ids: string], never>(
  'remove_waiters',
  (t) => `SELECT ${t.fn('remove_waiters')}($1::text::uuid[])::text`,
)

export const removeOldWaiters = statement<readonly [], never>(
  'remove_old_waiters',
  // A process registers for a day at most.
  (t) => `
    DELETE FROM ${t.waiters}
     WHERE until < ${t.fn('now')}() OR until > ${t.fn('now')}() + interval '2 days'`,
)
