import type { Names } from '../../names.ts'
import { boundedText, type TextBounds, textOfArgs } from './stored-text.ts'

/**
 * What a claim brings along of a job. What is larger is read when the attempt begins: the thousand jobs
 * of a claim must fit into the memory of its worker, and be put into texts in time.
 */
const CLAIMED: TextBounds = { text: 262_144, value: 65_536 }

/** The row about the pass, which comes before the jobs. By assignment, which needs no statement. */
export function head(waitMs: string): string {
  const columns = {
    name: 'queue_state',
    priority: 'looked',
    attempts: `CASE queue_state WHEN 'active' THEN room ELSE 0 END`,
    max_attempts: 'look_us',
    fence: 'claim_number',
    created_ms: waitMs,
    scheduled_ms: `date_part('epoch', start_at) * 1000`,
  }
  const values = Object.entries(columns).map(([column, value]) => `${column} := ${value};`)
  return `${values.join(' ')} RETURN NEXT;`
}

export const CLAIMED_COLUMNS = `
     id uuid, name text, args text, priority int, attempts int, max_attempts int, fence bigint,
     ready_seq bigint, created_ms float8, scheduled_ms float8, rest text, place tid`

/** The same columns of a row of `jobs`. */
export function claimedValues(t: Names, j: string): string {
  return `${j}.id, ${j}.name::text, ${textOfArgs(t, `${j}.args`, CLAIMED)},
               ${j}.priority, ${j}.attempts, ${j}.max_attempts,
               ${j}.fence, ${j}.ready_seq, date_part('epoch', ${j}.created_at) * 1000,
               date_part('epoch', ${j}.scheduled_at) * 1000, ${rareColumns(t, j, CLAIMED)}, ${j}.ctid`
}

/**
 * Columns that most jobs leave empty travel as one JSON object, null in the ordinary case: each
 * column of its own would cost every job. Empty ones are left out, but no null inside of a value is.
 * Where they are larger than the bounds only the keys and `is_cut` come.
 */
export function rareColumns(t: Names, j: string, bounds: TextBounds): string {
  // The keys are what most jobs have that have anything of these, and most have one of them.
  const keys = ['concurrency_key', 'unique_key']
  const plain = [...keys, 'limits', 'backoff', 'cancel_requested_at']
  // What users wrote may have nulls inside, which are theirs.
  const users = ['progress', 'errors', 'meta']
  const all = [...plain, 'retention', ...users]
  const pairs = plain.map((column) => `'${column}', ${j}.${column}`)
  pairs.push(`'retention_ms', extract(epoch FROM ${j}.retention) * 1000`)
  pairs.push(`'crashes', nullif(${j}.crashes, 0)`)
  const isNull = (columns: string[]): string =>
    columns.map((column) => `${j}.${column} IS NULL`).join(' AND ')
  const isAlone = (key: string): string => isNull(all.filter((column) => column !== key))
  const ofUsers = users.map(
    (column) => `CASE WHEN ${j}.${column} IS NULL THEN '{}'
                                   ELSE jsonb_build_object('${column}', ${j}.${column}) END`,
  )
  const sizes = ['limits', 'backoff', ...users].map(
    (column) => `coalesce(pg_column_size(${j}.${column}), 0)`,
  )
  const kept = [
    `'concurrency_key', ${j}.concurrency_key`,
    `'unique_key', left(${j}.unique_key, 1000)`,
    `'crashes', nullif(${j}.crashes, 0)`,
  ]
  // A quarter of the cost of the whole object.
  const alone = keys.map(
    (key) => `WHEN ${isAlone(key)} AND ${j}.crashes = 0
                 THEN json_build_object('${key}', ${j}.${key})::text`,
  )
  const whole = `jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')}))
                       || CASE WHEN ${isNull(users)} THEN '{}'
                               ELSE ${ofUsers.join(' || ')} END`
  return `CASE WHEN ${isNull(all)} AND ${j}.crashes = 0 THEN NULL
                 ${alone.join('\n                 ')}
                 WHEN ${sizes.join(' + ')} > ${bounds.value}
                 THEN json_strip_nulls(json_build_object(${kept.join(', ')}, 'is_cut', true))::text
                 ELSE ${boundedText(t, whole, bounds)} END`
}
