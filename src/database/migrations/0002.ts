import { quoteLiteral } from '../names.ts'
import { comments, functions, manifest, replaced, tables } from './manifest.ts'
import { migration } from './migration.ts'

/** Workflows and durable jobs. */
export const second = migration(2, {
  ...manifest(2, [
    tables('0002'),
    comments('0002'),
    tables('0002-keys'),
    comments('0002-keys'),
    functions(
      'push_taken@1',
      'output@1',
      'outputs@1',
      'filled@1',
      'group_key@1',
      'prepare_step@1',
      'end_unrun@1',
      'make_items@1',
      'stop_flow@1',
      'end_flow@1',
      'wake@1',
      'wake_parent@1',
      'end_batch@1',
      'stop_batch@1',
      'count_batch@1',
      'begin_batch@1',
      'renew_batch@1',
      'push_batch@1',
      'seal_batch@1',
      'flow_held@1',
      'flow@1',
      'flow_holder@1',
      'put_steps@1',
      'push_flow@1',
      'cancel_flow@1',
      'retry_flow@1',
      'get_flow@1',
      'flow_states@1',
      'list_flows@1',
      'sweep_flows@1',
      'explain@2',
      'get_jobs@2',
      'list_jobs@2',
      'list_waiting@1',
      'finish@2',
      'explain_queue@2',
    ),
    functions(
      'open_waits@1',
      'push_children@1',
      'push_invoked@1',
      'stop_children@1',
      'more_waits@1',
      'drop_signals@1',
      'wake_signaled@1',
      'send_signals@1',
      'leave_signal@1',
      'public/signal@1',
      'owner_result@1',
      'owner_error@1',
      'resume_jobs@1',
      'push_recorded@1',
      'send_recorded@1',
      'save_steps@1',
      'recorded_step@1',
      'save_step@1',
      'job_of_key@1',
      'get_steps@1',
      'fork@1',
      'sweep_durable@1',
    ),
    comments('public-2'),
    // Workers of the release before call these, too.
    replaced(
      'claim@1',
      'push_and_claim@1',
      'held@1',
      'load@1',
      'finish@1',
      'recover@1',
      'stage@1',
      'cancel@1',
      'cancel_many@1',
      'retry@1',
      'retry_many@1',
      'explain_queue@1',
      'push@1',
      'push_stored@1',
    ),
    functions('push_dead_letter@1'),
    tables('0002-dead-letters'),
  ]),
  guard: (t) => `
    SELECT CASE
             WHEN EXISTS (SELECT 1 FROM ${t.workflows} w WHERE w.finished_at IS NULL)
                  OR EXISTS (SELECT 1 FROM ${t.jobs} j WHERE j.waits IS NOT NULL OR j.extras IS NOT NULL)
             THEN 'A workflow or a durable job has not ended, and version 1 of the schema does not know them. Wait for their end, or cancel them.'
           END AS refusal`,
  after: [
    {
      kind: 'outside',
      isDone: (t) => `
        SELECT EXISTS (SELECT FROM pg_catalog.pg_index i
                        WHERE i.indexrelid = pg_catalog.to_regclass(${quoteLiteral(t.own('jobs_later_2'))})::pg_catalog.oid AND i.indisvalid) AS done`,
      up: (t) => `CREATE INDEX CONCURRENTLY jobs_later_2 ON ${t.jobs} (queue, seq)
                   WHERE position IS NULL AND NOT blocked AND NOT parked AND waits IS NULL`,
      undo: (t) => `DROP INDEX CONCURRENTLY IF EXISTS ${t.own('jobs_later_2')}`,
    },
    {
      kind: 'outside',
      isDone: (t) =>
        `SELECT pg_catalog.to_regclass(${quoteLiteral(t.own('jobs_later'))}) IS NULL AS done`,
      up: (t) => `DROP INDEX CONCURRENTLY IF EXISTS ${t.own('jobs_later')}`,
      // Before the drop the index is there, and this does nothing.
      undo: (t) => `CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_later ON ${t.jobs} (queue, seq)
                     WHERE position IS NULL AND NOT blocked AND NOT parked`,
    },
  ],
})
