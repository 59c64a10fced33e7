import { statement } from '../statement.ts'

export interface UnservedRow {
  readonly kind: 'queue-undeclared' | 'function-unknown'
  readonly queue: string
  /** Null for a queue that is not declared. */
  readonly name: string | null
  readonly jobs: number
}

/** Ready jobs that no worker will take, each kind counted to `bound`; nothing unless this worker is the oldest. */
export const findUnserved = statement<readonly [worker: string, bound: number], UnservedRow>(
  'find_unserved',
  (t) => `SELECT kind, queue, name, jobs FROM ${t.fn('unserved')}($1::text::uuid, $2::int)`,
)
