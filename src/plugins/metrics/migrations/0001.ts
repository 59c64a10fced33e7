import type { Names } from '../../../database/names.ts'
import { migration } from '../../../plugin/index.ts'
import { addFunction } from './add.ts'
import { countFunctions } from './count.ts'
import { rollFunction } from './roll.ts'
import { commentsOf, tablesOf } from './tables.ts'

const FUNCTIONS = [
  'metrics_add_1(uuid, bigint, float8, text)',
  'metrics_roll_1(int, int)',
  'metrics_count_1(text[], int)',
  'metrics_scan_1(text, bigint, bigint, int)',
  'metrics_count_deep_1(text, int)',
  'metrics_undeclared_1()',
]
const TABLES = [
  'metrics_series',
  'metrics_live',
  'metrics_points',
  'metrics_queue_counts',
  'metrics_levels',
]

const named = (t: Names, signature: string): string => {
  const [name = '', rest = ''] = signature.split(/(?=\()/)
  return `${t.own(name)}${rest}`
}

/** Everything of the first release. */
export const first = migration(1, {
  up: (t) => [
    ...tablesOf(t),
    addFunction(t),
    rollFunction(t),
    ...countFunctions(t),
    // PostgreSQL lets every role call a new function: none may before it was granted.
    ...FUNCTIONS.map((one) => `REVOKE EXECUTE ON FUNCTION ${named(t, one)} FROM PUBLIC`),
    commentsOf(t),
  ],
  down: (t) => [
    ...FUNCTIONS.map((one) => `DROP FUNCTION ${named(t, one)}`),
    `DROP TABLE ${TABLES.map(t.own).join(', ')}`,
  ],
})
