/**
 * What each kind of role may do in the schema, in one place: the grants and what a worker checks at its
 * start are made from it.
 *
 * A role of a producer, a reader or an operator reaches the jobs by functions alone. Those run with the
 * rights of the owner (SECURITY DEFINER in their files), so that the role needs no right on the tables. The
 * other functions run with the worker's own rights, except those that make, drop and analyze tables of the
 * history, which a worker does not own.
 */
import type { EngineFunction } from './current.ts'

export const ROLE_KINDS = ['producer', 'worker', 'reader', 'operator'] as const
/** What a role is for: docs/advanced/roles.md says what each may do. */
export type RoleKind = (typeof ROLE_KINDS)[number]

export const TABLE_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE'] as const
/** `USAGE` is for sequences alone. */
export type TablePrivilege = (typeof TABLE_PRIVILEGES)[number]

export interface TableRights {
  readonly privileges: readonly TablePrivilege[]
  /** Tables, views or, with USAGE, sequences. */
  readonly on: readonly string[]
}

export interface Rights {
  /** Functions that it may call; null: all of the schema. */
  readonly functions: readonly EngineFunction[] | null
  readonly tables: readonly TableRights[]
}

/** What statements, and the defaults of columns, take the time from. */
const TIME: readonly EngineFunction[] = ['now', 'clock']
const READING: readonly EngineFunction[] = [
  ...TIME,
  'get_jobs',
  'get_states',
  'get_flow',
  'flow_states',
  'list_flows',
  'find_jobs',
  'list_jobs',
  'list_waiting',
  'explain',
  'explain_queue',
  'backlog',
  'unserved',
  'get_steps',
]
/** What writes down an action. */
const RECORDING: readonly EngineFunction[] = ['record_action', 'was_recorded']
/** What sends signals to durable jobs. */
const SIGNALING: readonly EngineFunction[] = [
  'signal',
  'leave_signal',
  'send_signals',
  'wake',
  'job_of_key',
]
const SEEN = [
  ...['all_jobs', 'jobs', 'finished_jobs', 'claims', 'queues', 'workers', 'waiters', 'leader'],
  'migrations',
  ...['concurrency_groups', 'bulk_actions', 'bulk_items'],
  ...['workflows', 'steps', 'step_ends', 'job_steps', 'signals', 'job_values'],
]
const CHANGED = ['queues', 'bulk_actions', 'bulk_items']
const CHANGE = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

export const RIGHTS: Readonly<Record<RoleKind, Rights>> = Object.freeze({
  // Not `explain`, which names the jobs of others, nor `make_ready`, which locks whole groups.
  producer: {
    functions: [
      ...TIME,
      'push',
      'push_jobs',
      'push_taken',
      'push_stored_1',
      'push_flow',
      'begin_batch',
      'push_batch',
      'renew_batch',
      'seal_batch',
      'draw_positions',
      'get_jobs',
      'get_states',
      'get_flow',
      'flow_states',
      'add_waiters',
      'remove_waiters',
      'cancel',
      'cancel_flow',
      ...RECORDING,
      ...SIGNALING,
      'get_steps',
      'fork',
      // ctx.transaction runs on the connection of the user, whose role need not be that of the worker.
      'recorded_step',
      'save_step',
    ],
    tables: [{ privileges: ['SELECT'], on: ['migrations'] }],
  },
  reader: { functions: READING, tables: [{ privileges: ['SELECT'], on: SEEN }] },
  operator: {
    functions: [
      ...READING,
      'add_waiters',
      'remove_waiters',
      'cancel',
      'lock_job',
      'edit',
      'delete',
      'edit_many',
      'delete_many',
      'note_before',
      'note_done',
      'undo_jobs',
      'cancel_flow',
      'cancel_many',
      'retry',
      'retry_flow',
      'retry_many',
      'make_ready',
      'pause',
      'resume',
      'cancel_by_sql',
      'retry_by_sql',
      ...RECORDING,
      ...SIGNALING,
      'fork',
    ],
    tables: [
      {
        privileges: ['SELECT'],
        on: [...SEEN.filter((table) => !CHANGED.includes(table)), 'audit'],
      },
      { privileges: CHANGE, on: CHANGED },
    ],
  },
  worker: {
    functions: null,
    tables: [
      {
        privileges: CHANGE,
        on: [
          'jobs',
          'finished_jobs',
          'queues',
          'workers',
          'claims',
          'concurrency_groups',
          'rate_starts',
          'scan_watermarks',
          'waiters',
          'leader',
          'workflows',
          'steps',
          'step_ends',
          'job_steps',
          'signals',
          'job_values',
          'key_throttles',
          'key_replacements',
          'bulk_actions',
          'bulk_items',
        ],
      },
      { privileges: ['SELECT'], on: ['migrations', 'all_jobs', 'audit'] },
      { privileges: ['USAGE', 'SELECT'], on: ['positions', 'requeue_positions', 'claim_numbers'] },
    ],
  },
})
