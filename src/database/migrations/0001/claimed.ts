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
export function claimedValues(j: string): string {
  return `${j}.id, ${j}.name, ${j}.args::text, ${j}.priority, ${j}.attempts, ${j}.max_attempts,
               ${j}.fence, ${j}.ready_seq, date_part('epoch', ${j}.created_at) * 1000,
               date_part('epoch', ${j}.scheduled_at) * 1000, ${rareColumns(j)}, ${j}.ctid`
}

/**
 * Columns that most jobs leave empty travel as one JSON object, null in the ordinary case: each
 * column of its own would cost every job. Empty ones are left out, but no null inside of a value is.
 */
function rareColumns(j: string): string {
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
  // A quarter of the cost of the whole object.
  const alone = keys.map(
    (key) => `WHEN ${isAlone(key)} AND ${j}.crashes = 0
                 THEN json_build_object('${key}', ${j}.${key})::text`,
  )
  return `CASE WHEN ${isNull(all)} AND ${j}.crashes = 0 THEN NULL
                 ${alone.join('\n                 ')}
                 ELSE (jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')}))
                       || CASE WHEN ${isNull(users)} THEN '{}'
                               ELSE ${ofUsers.join(' || ')} END)::text END`
}
