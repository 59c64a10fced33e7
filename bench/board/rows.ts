/** Rows of jobs, made by SQL: what there is of a number of rows, and the statements that insert them. */
import type { Pool, PoolClient } from 'pg'

/** Days of history, the present one included. */
export const DAYS = 8
export const QUEUES = 20
export const NAMES = 60
export const FINGERPRINTS = 5_000
export const GROUPS = 4_000
export const WORKERS = 8
/** Running jobs of a worker, without those that hold a group. */
const RUNNING = 60
/** Rows of one statement. */
const BATCH = 100_000
/** Out of 100 unfinished jobs: these are scheduled, blocked and retrying, and the rest is ready. */
const [SCHEDULED, BLOCKED, RETRYING] = [8, 4, 3]

export interface Amounts {
  readonly finished: number
  readonly unfinished: number
  readonly groups: number
}

export function amountsOf(rows: number): Amounts {
  const unfinished = Math.floor(rows / 5)
  return {
    finished: rows - unfinished,
    unfinished,
    groups: Math.min(GROUPS, Math.ceil(unfinished / 1_000)),
  }
}

export const workerId = (n: string): string =>
  `('01890000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`

/** A UUID of version 7 of `at`, of the text `h` of 32 digits. */
export const idOf = (at: string, h: string): string =>
  `(lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint), 12, '0')
     || '7' || substr(${h}, 1, 3) || '8' || substr(${h}, 4, 15))::uuid`

/** Every tenth job belongs to one queue, and one name is rare. */
const FIELDS = `
  'queue-' || CASE WHEN n % 10 = 0 THEN 7 ELSE (n * 7919) % ${QUEUES} END,
  CASE WHEN n % 50000 = 1 THEN 'rare.name' ELSE 'job.' || ((n * 31) % ${NAMES}) END,
  ('{"user":{"id":' || n % 5000 || '},"order":' || n || ',"text":"' || h || h || '"}')::jsonb,
  CASE WHEN n % 10 = 3 THEN ('{"traceId":"' || h || '"}')::jsonb END`
const FINGERPRINT = `(hashint8extended(n % ${FINGERPRINTS}, 0))`
const ERRORS = `('[{"kind":"error","name":"TypeError","message":"Cannot read properties of undefined (reading ' || n % ${FINGERPRINTS}
   || ')","attempt":1,"at":"2026-01-01T00:00:00.000Z","stack":"TypeError: it failed\\n    at render (mail.ts:12:7)\\n    at send (mail.ts:40:3)"}]')::jsonb`

/** Tasks that fill the tables of jobs; they may run beside each other, each on a session of its own. */
export function fillTasks(
  schema: string,
  { finished, unfinished, groups }: Amounts,
): ((client: PoolClient) => Promise<void>)[] {
  const perDay = Math.ceil(finished / DAYS)
  const days = Array.from({ length: DAYS }, (_, at) => DAYS - 1 - at)
  return [
    (client) => fillUnfinished(client, unfinished, groups),
    ...days.map((day) => async (client: PoolClient) => {
      if (day === 0) return insertDay(client, 'finished_jobs', day, perDay)
      const name = await createDay(client, day)
      await insertDay(client, name, day, perDay)
      await indexDay(client, schema, name)
    }),
  ]
}

/** A partition of a day that is over. It has no index while it is filled. */
async function createDay(client: PoolClient, ago: number): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT 'finished_jobs_' || to_char((now() AT TIME ZONE 'UTC')::date - $1::int, 'YYYYMMDD') AS name`,
    [ago],
  )
  const { name } = rows[0]!
  await client.query(`CREATE TABLE ${name} (LIKE finished_jobs INCLUDING DEFAULTS)`)
  return name
}

async function insertDay(
  client: PoolClient,
  table: string,
  day: number,
  count: number,
): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    await client.query(
      `INSERT INTO ${table} (id, fence, created_at, started_at, finished_at, worker_id, wall_ms, cpu_ms, peak_bytes, priority,
              attempts, max_attempts, crashes, format, state, fingerprint, errors, result, queue, name, args, meta)
       SELECT ${idOf('at', 'h')}, 1, at, at + interval '0.5 second',
              at + interval '0.6 second' + (n % 1000) * interval '1 millisecond', ${workerId(`n % ${WORKERS}`)},
              n % 1000, n % 100, 50e6, 0, 1, 3, 0, 1,
              CASE WHEN n % 40 = 0 THEN 'failed' WHEN n % 200 = 1 THEN 'cancelled' ELSE 'succeeded' END,
              CASE WHEN n % 40 = 0 THEN ${FINGERPRINT} END, CASE WHEN n % 40 = 0 THEN ${ERRORS} END,
              CASE WHEN n % 5 = 2 THEN '{"ok":true}'::jsonb END, ${FIELDS}
         FROM (SELECT n + ${day * count} AS n, md5((n + ${day * count})::text) AS h,
                      date_trunc('day', now(), 'UTC') - interval '${day} days'
                        + (n::float8 / ${count}) * (${day === 0 ? `now() - date_trunc('day', now(), 'UTC')` : `interval '1 day'`}
                                                    - interval '10 seconds') AS at
                 FROM generate_series(${from}::bigint, ${Math.min(count, from + BATCH) - 1}::bigint) AS n
               OFFSET 0) r`,
    )
  }
}

/** Gives a filled day the indexes of the present one, and makes it a partition. */
async function indexDay(client: PoolClient, schema: string, name: string): Promise<void> {
  const own = name.slice('finished_jobs_'.length)
  const { rows } = await client.query<{ definition: string }>(
    `SELECT regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON .* USING', format('INDEX ON %I USING', $1::text)) AS definition
       FROM pg_index i
      WHERE i.indrelid = to_regclass('finished_jobs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'))`,
    [name],
  )
  for (const { definition } of rows) await client.query(definition)
  const [from, to] = [
    `${own}'::date::timestamp AT TIME ZONE 'UTC'`,
    `${own}'::date + 1)::timestamp AT TIME ZONE 'UTC'`,
  ]
  await client.query(
    `ALTER TABLE ${name} ADD CONSTRAINT of_day CHECK (finished_at >= '${from} AND finished_at < ('${to})`,
  )
  await client.query(
    `ALTER TABLE finished_jobs ATTACH PARTITION ${name} FOR VALUES FROM ('${own} 00:00+00') TO ('${await dayAfter(client, own)} 00:00+00')`,
  )
  await client.query(`ALTER TABLE ${name} DROP CONSTRAINT of_day`)
  await client.query(`ALTER TABLE ${name} REPLICA IDENTITY FULL`)
  await client.query(`VACUUM (ANALYZE, PARALLEL 0) ${name}`)
  await client.query(`SELECT ${schema}.index_day_1($1, 'name')`, [name])
}

async function dayAfter(client: PoolClient, day: string): Promise<string> {
  const { rows } = await client.query<{ next: string }>(
    `SELECT to_char($1::date + 1, 'YYYYMMDD') AS next`,
    [day],
  )
  return rows[0]!.next
}

/** Ready jobs most of all, and of each group one that runs. */
async function fillUnfinished(client: PoolClient, count: number, groups: number): Promise<void> {
  const [scheduled, blocked, retrying] = [
    SCHEDULED,
    SCHEDULED + BLOCKED,
    SCHEDULED + BLOCKED + RETRYING,
  ]
  for (let from = 0; from < count; from += BATCH) {
    await client.query(
      `INSERT INTO jobs (id, seq, position, created_at, scheduled_at, run_at, started_at, blocked, concurrency_key, concurrency_max,
              priority, state, attempts, fingerprint, errors, queue, name, args, meta)
       SELECT ${idOf('at', 'h')}, CASE WHEN kind >= ${scheduled} THEN n + 1 END, CASE WHEN kind >= ${retrying} THEN n + 1 END, at,
              CASE WHEN kind < ${scheduled} THEN later END,
              CASE WHEN kind < ${scheduled} OR kind >= ${blocked} AND kind < ${retrying} THEN later END,
              CASE WHEN kind >= ${blocked} AND kind < ${retrying} THEN at END,
              kind >= ${scheduled} AND kind < ${blocked},
              CASE WHEN kind >= ${scheduled} AND kind < ${blocked} THEN 'group:' || n / 100 % ${groups} END,
              CASE WHEN kind >= ${scheduled} AND kind < ${blocked} THEN 1 END,
              n % 3, CASE WHEN kind >= ${blocked} AND kind < ${retrying} THEN 'retrying' ELSE 'pending' END,
              CASE WHEN kind >= ${blocked} AND kind < ${retrying} THEN 1 ELSE 0 END,
              CASE WHEN kind >= ${blocked} AND kind < ${retrying} THEN ${FINGERPRINT} END,
              CASE WHEN kind >= ${blocked} AND kind < ${retrying} THEN ${ERRORS} END, ${FIELDS}
         FROM (SELECT n, n % 100 AS kind, md5('waits' || n) AS h,
                      now() - interval '2 hours' + (n::float8 / ${count}) * interval '2 hours' AS at,
                      now() + interval '1 day' + n * interval '1 second' AS later
                 FROM generate_series(${from}::bigint, ${Math.min(count, from + BATCH) - 1}::bigint) AS n
               OFFSET 0) r`,
    )
  }
  await run(client, WORKERS * RUNNING, null)
  await run(client, groups, 'group:')
  // What is pushed from now on comes after these.
  await client.query(`SELECT setval('positions', $1::bigint)`, [count + 100_000])
}

/** Running jobs, and the claims of their workers. Those of a group have left the order of their queue. */
async function run(client: PoolClient, count: number, group: string | null): Promise<void> {
  await client.query(
    `WITH claimed AS MATERIALIZED (
       SELECT w AS worker, nextval('claim_numbers') AS claim_seq FROM generate_series(0, ${WORKERS - 1}) AS w
     ), held AS (
       INSERT INTO jobs (id, seq, position, claim_seq, fence, created_at, started_at, worker_id, concurrency_key, concurrency_max,
              state, attempts, queue, name, args, meta)
       SELECT ${idOf('at', 'h')}, 90000000 + n, CASE WHEN $2::text IS NULL THEN 90000000 + n END,
              CASE WHEN $2::text IS NOT NULL THEN c.claim_seq END, 1, at, at,
              ${workerId('c.worker')}, $2::text || n, CASE WHEN $2::text IS NOT NULL THEN 1 END, 'running', 1, ${FIELDS}
         FROM (SELECT n, md5(coalesce($2::text, 'runs') || n) AS h, now() - n * interval '10 milliseconds' AS at
                 FROM generate_series(0, $1::bigint - 1) AS n) r
         JOIN claimed c ON c.worker = n % ${WORKERS}
       RETURNING id, worker_id
     )
     INSERT INTO claims (worker_id, claim_seq, ids)
     SELECT h.worker_id, c.claim_seq, array_agg(h.id)
       FROM held h JOIN claimed c ON ${workerId('c.worker')} = h.worker_id
      GROUP BY 1, 2`,
    [count, group],
  )
  if (group !== null)
    await client.query(
      `INSERT INTO concurrency_groups (key) SELECT $2::text || n FROM generate_series(0, $1::bigint - 1) AS n`,
      [count, group],
    )
}

/** Runs tasks on as many sessions. */
export async function runAll(
  pool: Pool,
  schema: string,
  sessions: number,
  tasks: readonly ((client: PoolClient) => Promise<void>)[],
): Promise<void> {
  const left = [...tasks]
  const runSome = async (): Promise<void> => {
    const client = await pool.connect()
    try {
      await client.query(`SET search_path = ${schema}, public`)
      await client.query(`SET synchronous_commit = off`)
      await client.query(`SET maintenance_work_mem = '512MB'`)
      for (let task = left.shift(); task !== undefined; task = left.shift()) await task(client)
    } finally {
      client.release(true)
    }
  }
  await Promise.all(Array.from({ length: sessions }, runSome))
}
