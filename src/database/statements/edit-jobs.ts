import { statement } from '../statement.ts'

/** Holds the row of a job that has not finished until the end of the transaction. */
export const lockJob = statement<readonly [job: string], never>(
  'lock_job',
  (t) => `SELECT ${t.fn('lock_job')}($1::text::uuid)`,
)

/** `edited`, or why the job was not: its state, `suspended` or `unknown`. */
export interface EditRow {
  readonly verdict: string
  readonly queue: string | null
  readonly concurrency_key: string | null
}

export const editJob = statement<
  readonly [job: string, change: string, notifying: boolean],
  EditRow
>(
  'edit_job',
  (t) =>
    `SELECT verdict, queue, concurrency_key FROM ${t.fn('edit')}($1::text::uuid, $2::text::jsonb, $3::boolean)`,
)

export const deleteJob = statement<readonly [job: string], { verdict: string }>(
  'delete_job',
  (t) => `SELECT ${t.fn('delete')}($1::text::uuid) AS verdict`,
)
