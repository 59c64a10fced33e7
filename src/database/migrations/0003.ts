import { comments, functions, manifest, replaced, tables } from './manifest.ts'
import { migration } from './migration.ts'

/** Acting and finding: the audit log, bulk actions, fingerprints of failures, and the search of jobs. */
export const third = migration(3, {
  ...manifest(3, [
    tables('0003-actions'),
    comments('0003-actions'),
    functions('record_action@1', 'was_recorded@1', 'prune_audit@1'),
    tables('0003-fingerprints'),
    comments('0003-fingerprints'),
    functions('recover@2'),
    // The release before saves errors without a fingerprint, for which the column stays null.
    replaced('finish@2'),
    tables('0003'),
    functions(
      'index_ended@1',
      'indexed_days@1',
      'index_day@1',
      'day_candidates@1',
      'find_jobs@1',
      'list_jobs@3',
      'lock_job@1',
      'edit@1',
      'delete@1',
      'edit_many@1',
      'delete_many@1',
      'note_before@1',
      'note_done@1',
      'undo_jobs@1',
    ),
  ]),
  after: [
    {
      kind: 'batches',
      up: (t) => `SELECT ${t.own('index_ended_1')}() AS moved`,
    },
  ],
})
