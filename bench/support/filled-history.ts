import type pg from 'pg'

const DAYS = 8
/** Rows of one statement. */
const BATCH = 100_000
const QUEUES = 21
const NAMES = 60

/** A UUID of version 7 of a time, in SQL. */
const idAt = (at: string, n: string): string =>
  `(overlay(overlay(lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint), 12, '0')
     || '7' || substr(md5((${n})::text), 1, 19) placing '8' from 17) placing '' from 33))::uuid`

/** What every job has, in SQL, of `n`. */
const FIELDS = `
  'queue-' || ((n * 7919) % ${QUEUES}),
  CASE WHEN n % 50000 = 0 THEN 'rare.name' ELSE 'job.' || (n % 61 * (n % 7919) % ${NAMES}) END,
  jsonb_build_object('user', jsonb_build_object('id', n % 5000), 'order', n,
                     'text', repeat(md5(n::text), 4))`

/**
 * Fills a schema with that many finished jobs of the last days, the present one included, and with as many that wait:
 * most of them ready, 6 in 100 scheduled and 4 in 100 blocked.
 */
export async function fillHistory(
  client: pg.Client,
  schema: string,
  finished: number,
  waiting: number,
  log: (line: string) => void,
): Promise<void> {
  await client.query(`SET search_path = ${schema}`)
  await client.query('SET synchronous_commit = off')
  await client.query(`ALTER TABLE jobs SET (autovacuum_enabled = false)`)
  for (let day = 1; day < DAYS; day++) await createDay(client, day)
  const perDay = Math.ceil(finished / DAYS)
  for (let day = DAYS - 1; day >= 0; day--) {
    for (let from = 0; from < perDay; from += BATCH) {
      const to = Math.min(perDay, from + BATCH)
      await client.query(
        `INSERT INTO finished_jobs (id, fence, created_at, started_at, finished_at, worker_id, wall_ms, cpu_ms,
                peak_bytes, priority, attempts, max_attempts, crashes, format, state, queue, name, args, errors)
         SELECT ${idAt('at', 'n')}, 1, at, at + interval '1 second',
                at + interval '1 second' + (n % 1000) * interval '1 millisecond',
                '01890000-0000-7000-8000-000000000001', n % 1000, n % 100, 50e6, 0, 1, 3, 0, 1,
                CASE WHEN n % 40 = 0 THEN 'failed' WHEN n % 200 = 1 THEN 'cancelled' ELSE 'succeeded' END,
                ${FIELDS},
                CASE WHEN n % 40 = 0 THEN jsonb_build_array(jsonb_build_object('kind', 'error', 'name', 'Error',
                     'message', 'it failed', 'attempt', 1, 'at', at)) END
           FROM (SELECT n + ${day * perDay} AS n,
                        greatest(date_trunc('day', now(), 'UTC') - ${day} * interval '1 day',
                                 now() - ${day} * interval '1 day' - interval '20 hours')
                        + (n::float8 / ${perDay})
                          * least(interval '23 hours', now() - date_trunc('day', now(), 'UTC') - interval '10 seconds'
                                  + CASE WHEN ${day} > 0 THEN interval '1 day' ELSE interval '0' END) AS at
                   FROM generate_series(${from}::bigint, ${to - 1}::bigint) AS n) r`,
      )
    }
    log(`day ${DAYS - day} of ${DAYS} is filled`)
  }
  for (let from = 0; from < waiting; from += BATCH) {
    const to = Math.min(waiting, from + BATCH)
    await client.query(
      `INSERT INTO jobs (id, seq, position, created_at, scheduled_at, run_at, blocked, concurrency_key, concurrency_max,
              priority, queue, name, args)
       SELECT ${idAt('at', 'n')}, CASE WHEN kind < 96 AND kind >= 90 THEN NULL ELSE n + 1 END,
              CASE WHEN kind < 90 THEN n + 1 END, at,
              CASE WHEN kind < 96 AND kind >= 90 THEN now() + n * interval '1 second' END,
              CASE WHEN kind < 96 AND kind >= 90 THEN now() + n * interval '1 second' END,
              kind >= 96, CASE WHEN kind >= 96 THEN 'group:' || (n % 4000) END,
              CASE WHEN kind >= 96 THEN 1 END, (n % 3), ${FIELDS}
         FROM (SELECT n, n % 100 AS kind, now() - interval '2 hours' + n * interval '5 milliseconds' AS at
                 FROM generate_series(${from}::bigint, ${to - 1}::bigint) AS n) r`,
    )
  }
  await client.query('VACUUM (ANALYZE) finished_jobs')
  await client.query('VACUUM (ANALYZE) jobs')
  await client.query('RESET search_path')
}

/** A partition of a day that is over, as `create_partitions` makes those to come. */
async function createDay(client: pg.Client, ago: number): Promise<void> {
  const { rows } = await client.query<{ name: string; from: string; to: string }>(
    `SELECT 'finished_jobs_' || to_char(d, 'YYYYMMDD') AS name, d::text AS from, (d + 1)::text AS to
       FROM (SELECT (now() AT TIME ZONE 'UTC')::date - $1::int AS d) t`,
    [ago],
  )
  const { name, from, to } = rows[0]!
  await client.query(
    `CREATE TABLE ${name} (LIKE finished_jobs INCLUDING DEFAULTS INCLUDING INDEXES)`,
  )
  await client.query(
    `ALTER TABLE finished_jobs ATTACH PARTITION ${name}
       FOR VALUES FROM ('${from} 00:00+00') TO ('${to} 00:00+00')`,
  )
}
