/**
 * What each kind of role may do in the schema, in one place: the grants, what a worker checks at its
 * start, and which functions run with the rights of the schema's owner are made from it.
 *
 * A role of a producer, a reader or an operator reaches the jobs by functions alone. Those run with the
 * rights of the owner (SECURITY DEFINER), so that the role needs no right on the tables. The functions of
 * the engine run with the worker's own rights.
 */

export const ROLE_KINDS = ['producer', 'worker', 'reader', 'operator'] as const
export type RoleKind = (typeof ROLE_KINDS)[number]

/** The functions by which roles without rights on the tables push, read, wait and act. */
export const OWNERS_FUNCTIONS = [
  'push',
  'push_1',
  'places_1',
  'get_jobs_1',
  'get_states_1',
  'list_jobs_1',
  'explain_1',
  'explain_queue_1',
  'add_waiters_1',
  'remove_waiters_1',
  'cancel_1',
  'retry_1',
  'make_ready_1',
  // A worker owns no table, and these make, drop and analyze some.
  'make_days_1',
  'drop_day_1',
  'analyze_history_1',
] as const

export type TablePrivilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'USAGE'

export interface TableRights {
  readonly privileges: readonly TablePrivilege[]
  /** Tables, views or, with USAGE, sequences. */
  readonly on: readonly string[]
}

export interface Rights {
  /** Functions that it may call; null: all of the schema. */
  readonly functions: readonly (typeof OWNERS_FUNCTIONS)[number][] | null
  readonly tables: readonly TableRights[]
}

const READING: Rights['functions'] = [
  'get_jobs_1',
  'get_states_1',
  'list_jobs_1',
  'explain_1',
  'explain_queue_1',
]
const SEEN = ['all_jobs', 'jobs', 'finished_jobs', 'queues', 'workers', 'migrations']
const CHANGE = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

export const RIGHTS: Readonly<Record<RoleKind, Rights>> = Object.freeze({
  // Not `explain_1`, which names the jobs of others, nor `make_ready_1`, which locks whole groups.
  producer: {
    functions: [
      'push',
      'push_1',
      'places_1',
      'get_jobs_1',
      'get_states_1',
      'add_waiters_1',
      'remove_waiters_1',
      'cancel_1',
    ],
    tables: [{ privileges: ['SELECT'], on: ['migrations'] }],
  },
  reader: { functions: READING, tables: [{ privileges: ['SELECT'], on: SEEN }] },
  operator: {
    functions: [
      ...READING,
      'add_waiters_1',
      'remove_waiters_1',
      'cancel_1',
      'retry_1',
      'make_ready_1',
    ],
    tables: [
      { privileges: ['SELECT'], on: SEEN.filter((table) => table !== 'queues') },
      { privileges: CHANGE, on: ['queues'] },
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
          'line_floors',
          'waiters',
          'leader',
        ],
      },
      { privileges: ['SELECT'], on: ['migrations', 'all_jobs'] },
      { privileges: ['USAGE', 'SELECT'], on: ['line', 'front', 'claim_numbers'] },
    ],
  },
})

/** Which of the names above are sequences, which GRANT wants to know. */
export const SEQUENCES: readonly string[] = ['line', 'front', 'claim_numbers']
