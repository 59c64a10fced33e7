import { statement } from '../statement.ts'

export interface DueBulk {
  readonly id: string
  readonly action: string
  readonly filter: string | null
  /** JSON, in their order. Null: a filter. */
  readonly ids: string | null
  readonly queues: string | null
  readonly cursor: string | null
  /** What it sets, JSON. */
  readonly change: string
  /** The action that it undoes. */
  readonly undo_of: string | null
  readonly rate: number
  readonly is_due: boolean
  readonly wait_ms: number
}

/** The action that is due first, which any process may carry on; with it, how long until then. */
export const dueBulk = statement<readonly [], DueBulk>(
  'due_bulk',
  (t) => `
    SELECT b.id::text AS id, b.action, b.filter, pg_catalog.to_json(b.ids)::text AS ids,
           pg_catalog.to_json(b.queues)::text AS queues, b.cursor, b.change::text AS change,
           b.undo_of::text AS undo_of, b.rate, w.wait_ms <= 0::float8 AS is_due, w.wait_ms
      FROM ${t.own('bulk_actions')} b
     CROSS JOIN LATERAL (
             SELECT pg_catalog.date_part('epoch', greatest(b.starts_at, b.stepped_at) - ${t.fn('clock')}())
                    * 1000::float8 AS wait_ms) w
     WHERE b.finished_at IS NULL AND b.state IN ('waiting', 'running')
     ORDER BY w.wait_ms
     LIMIT 1`,
)

/** Locks an action that is where it was read. No row: another process carries it on, or it was paused or stopped. */
export const takeBulk = statement<readonly [id: string, cursor: string | null], { id: string }>(
  'take_bulk',
  (t) => `
    SELECT b.id::text AS id
      FROM ${t.own('bulk_actions')} b
     WHERE b.id = $1::text::uuid AND b.cursor IS NOT DISTINCT FROM $2::text
       AND b.finished_at IS NULL AND b.state IN ('waiting', 'running')
       AND greatest(b.starts_at, b.stepped_at) <= ${t.fn('clock')}()
       FOR NO KEY UPDATE SKIP LOCKED`,
)

/** Notes jobs before they are acted on, and returns those that are new: a job is acted on once. */
export const addItems = statement<readonly [id: string, jobs: string], { job_id: string }>(
  'add_bulk_items',
  (t) => `
    INSERT INTO ${t.own('bulk_items')} (bulk_id, job_id, outcome)
    SELECT $1::text::uuid, j.id, 'left'
      FROM pg_catalog.unnest($2::text::uuid[]) AS j(id)
     ORDER BY j.id
        ON CONFLICT DO NOTHING
    RETURNING job_id::text AS job_id`,
)

/** Ends items whose jobs were not changed, or have nothing that an undo puts back. */
export const endItems = statement<
  readonly [id: string, jobs: string, outcome: string, code: string | null],
  never
>(
  'end_bulk_items',
  (t) => `
    UPDATE ${t.own('bulk_items')} i
       SET outcome = $3::text, code = $4::text, before = NULL
     WHERE i.bulk_id = $1::text::uuid AND i.job_id = ANY ($2::text::uuid[])
       AND i.outcome IN ('left', 'late')`,
)

/** Counts what was done. With a cursor, also how far it has come, and when the next jobs are due by the rate. */
export const countBulk = statement<
  readonly [
    id: string,
    done: number,
    skipped: number,
    failed: number,
    code: string | null,
    cursor: string | null,
    taken: number,
  ],
  { state: string; done: number; skipped: number; failed: number }
>(
  'count_bulk',
  (t) => `
    UPDATE ${t.own('bulk_actions')} b
       SET done = b.done + $2::int, skipped = b.skipped + $3::int, failed = b.failed + $4::int,
           reasons = CASE WHEN $5::text IS NULL THEN b.reasons
                          ELSE b.reasons || pg_catalog.jsonb_build_object(
                                 $5::text, coalesce((b.reasons ->> $5::text)::int, 0) + $3::int + $4::int) END,
           cursor = coalesce($6::text, b.cursor),
           state = CASE b.state WHEN 'waiting' THEN 'running' ELSE b.state END,
           -- Its items are kept until then.
           undo_until = ${t.fn('clock')}() + CASE WHEN b.action IN ('delete', 'undo') THEN interval '0'
                                              ELSE interval '1 hour' END,
           -- At most a second is caught up, so that a pause is no reason to hurry.
           stepped_at = greatest(b.stepped_at, ${t.fn('clock')}() - interval '1 second')
                        + pg_catalog.make_interval(secs => $7::int::float8 / b.rate::float8)
     WHERE b.id = $1::text::uuid
    RETURNING b.state, b.done, b.skipped, b.failed`,
)

/** Jobs that a transaction passed over: each is tried alone, and again at the end where its holder did not end soon. */
export const leftItems = statement<
  readonly [id: string, limit: number, late: boolean],
  { job_id: string }
>(
  'left_bulk_items',
  (t) => `
    SELECT i.job_id::text AS job_id
      FROM ${t.own('bulk_items')} i
     WHERE i.bulk_id = $1::text::uuid AND i.outcome IN ('left', 'late') AND (i.outcome = 'left' OR $3::boolean)
     ORDER BY i.job_id
     LIMIT $2::int`,
)

/** Locks one of them. No row: another process has it, or had it. */
export const takeItem = statement<readonly [id: string, job: string], { job_id: string }>(
  'take_bulk_item',
  (t) => `
    SELECT i.job_id::text AS job_id
      FROM ${t.own('bulk_items')} i
     WHERE i.bulk_id = $1::text::uuid AND i.job_id = $2::text::uuid AND i.outcome IN ('left', 'late')
       FOR UPDATE SKIP LOCKED`,
)

/** The job of an item is held: it is tried again at the end. */
export const delayItem = statement<readonly [id: string, job: string], never>(
  'delay_bulk_item',
  (t) => `
    UPDATE ${t.own('bulk_items')} i
       SET outcome = 'late'
     WHERE i.bulk_id = $1::text::uuid AND i.job_id = $2::text::uuid AND i.outcome = 'left'`,
)

/** How long the transaction waits for a lock, in milliseconds. */
export const boundLockWait = statement<readonly [ms: string], never>(
  'bound_lock_wait',
  () => `SELECT pg_catalog.set_config('lock_timeout', $1::text, true) AS bound`,
)

/** Ends an action. Its items are kept as long as it can be undone. */
export const finishBulk = statement<
  readonly [id: string],
  { state: string; done: number; skipped: number; failed: number }
>(
  'finish_bulk',
  (t) => `
    UPDATE ${t.own('bulk_actions')} b
       SET state = 'done', finished_at = ${t.fn('clock')}()
     WHERE b.id = $1::text::uuid AND b.finished_at IS NULL
    RETURNING b.state, b.done, b.skipped, b.failed`,
)

/** The next jobs that an action has changed, for its undo. */
export const doneItems = statement<
  readonly [id: string, after: string | null, limit: number],
  { job_id: string }
>(
  'done_bulk_items',
  (t) => `
    SELECT i.job_id::text AS job_id
      FROM ${t.own('bulk_items')} i
     WHERE i.bulk_id = $1::text::uuid AND i.outcome = 'done'
       AND i.job_id > coalesce($2::text::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
     ORDER BY i.job_id
     LIMIT $3::int`,
)

/** Whether something of a job could be put back. */
export const hadBefore = statement<readonly [id: string, job: string], { had: boolean }>(
  'had_bulk_before',
  (t) => `
    SELECT i.before IS NOT NULL AS had
      FROM ${t.own('bulk_items')} i
     WHERE i.bulk_id = $1::text::uuid AND i.job_id = $2::text::uuid`,
)

/** Removes items of an action that has ended and can no longer be undone, up to a limit. */
export const forgetItems = statement<readonly [limit: number], { removed: number }>(
  'forget_bulk_items',
  (t) => `
    WITH over AS MATERIALIZED (
      SELECT b.id
        FROM ${t.own('bulk_actions')} b
       WHERE b.undo_until <= ${t.fn('clock')}() AND b.finished_at IS NOT NULL
         -- Its undo reads them.
         AND NOT EXISTS (SELECT FROM ${t.own('bulk_actions')} u WHERE u.undo_of = b.id AND u.finished_at IS NULL)
       ORDER BY b.undo_until
       LIMIT 1
         FOR NO KEY UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM ${t.own('bulk_items')} i
       USING over o
       WHERE i.bulk_id = o.id
         AND i.job_id = ANY (ARRAY(SELECT n.job_id FROM ${t.own('bulk_items')} n WHERE n.bulk_id = o.id LIMIT $1::int))
      RETURNING i.job_id
    ), ended AS (
      UPDATE ${t.own('bulk_actions')} b
         SET undo_until = NULL
        FROM over o
       WHERE b.id = o.id AND (SELECT pg_catalog.count(*) FROM gone) < $1::int
    )
    SELECT pg_catalog.count(*)::int AS removed FROM gone`,
)

/** Removes the oldest actions, 400 days after their end. */
export const removeBulk = statement<readonly [], never>(
  'remove_bulk',
  (t) => `
    DELETE FROM ${t.own('bulk_actions')} b
     WHERE b.id = ANY (ARRAY(SELECT o.id FROM ${t.own('bulk_actions')} o ORDER BY o.id LIMIT 100))
       AND b.finished_at < ${t.fn('clock')}() - interval '400 days' AND b.undo_until IS NULL`,
)

/** Notes what an undo puts back, and holds the jobs. */
export const noteBefore = statement<
  readonly [id: string, jobs: string, action: string, waiting: boolean],
  never
>(
  'note_bulk_before',
  (t) =>
    `SELECT ${t.fn('note_before')}($1::text::uuid, $2::text::uuid[], $3::text, $4::boolean)::text AS noted`,
)

/** Ends items whose jobs were changed. */
export const noteDone = statement<readonly [id: string, jobs: string, action: string], never>(
  'note_bulk_done',
  (t) => `SELECT ${t.fn('note_done')}($1::text::uuid, $2::text::uuid[], $3::text)::text AS noted`,
)

/** A job that was changed, and where it is now. */
export interface ChangedRow {
  readonly id: string
  readonly queue: string
  readonly concurrency_key: string | null
}

/** `change` is JSON: a queue, a priority or runNow. */
export const editMany = statement<
  readonly [jobs: string, change: string, notifying: boolean],
  ChangedRow
>(
  'edit_many',
  (t) =>
    `SELECT id, queue, concurrency_key FROM ${t.fn('edit_many')}($1::text::uuid[], $2::text::jsonb, $3::boolean)`,
)

/** `became` is `waiting`, or the state in which a job has ended. */
export const undoJobs = statement<
  readonly [id: string, jobs: string, waiting: boolean, notifying: boolean],
  ChangedRow & { readonly became: string }
>(
  'undo_jobs',
  (t) => `
    SELECT id, became, queue, concurrency_key
      FROM ${t.fn('undo_jobs')}($1::text::uuid, $2::text::uuid[], $3::boolean, $4::boolean)`,
)

/** Finished jobs, except those that another transaction holds. */
export const deleteFinished = statement<readonly [jobs: string], { id: string }>(
  'delete_finished',
  (t) => `SELECT id FROM ${t.fn('delete_many')}($1::text::uuid[])`,
)
