import { job } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema, withClient } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const ok = job({ name: 'ok' }, ({ n }: { n: number }) => n)

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await sql(schema, 'SELECT $schema.create_partitions_1(7)')
  await empty(schema)
})

const days = async () =>
  (
    await sql<{ name: string }>(
      schema,
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = '$schema.finished_jobs'::regclass AND NOT i.inhdetachpending
        ORDER BY 1`,
    )
  ).map(({ name }) => name)

/** The name of the partition of a day, counted from today. */
function dayName(offset: number): string {
  const date = new Date(Date.now() + offset * 86_400_000)
  return `finished_jobs_${date.toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** Makes a day of the past and puts a row into it for each retention. */
async function makeOldDay(offset: number, retentions: readonly (string | null)[]): Promise<string> {
  const name = dayName(offset)
  const at = (add: number) =>
    new Date(Date.now() + (offset + add) * 86_400_000).toISOString().slice(0, 10)
  await sql(
    schema,
    `CREATE TABLE $schema.${name} PARTITION OF $schema.finished_jobs
       FOR VALUES FROM ('${at(0)}T00:00:00Z') TO ('${at(1)}T00:00:00Z')`,
  )
  for (const retention of retentions) {
    await sql(
      schema,
      `INSERT INTO $schema.finished_jobs (id, fence, created_at, finished_at, priority, attempts,
              max_attempts, crashes, format, state, queue, name, args, retention)
       VALUES (gen_random_uuid(), 1, now(), '${at(0)}T12:00:00Z', 0, 1, 1, 0, 1, 'succeeded',
               'default', 'ok', '{}', $1)`,
      [retention],
    )
  }
  return name
}

describe('the days of history', () => {
  it('are made ahead by a worker that starts', async () => {
    const all = Array.from({ length: 8 }, (_, offset) => dayName(offset))
    expect(await days()).toEqual(expect.arrayContaining(all))
    await sql(schema, `DROP TABLE $schema.${dayName(5)}, $schema.${dayName(7)}`)
    await using app = await startApp({ schema, jobs: ok })
    const kept = app.next('partitions.maintained')
    await app.start()
    expect(await kept).toMatchObject({ created: 2 })
    expect(await days()).toEqual(expect.arrayContaining(all))
  })

  it('are made by a finish that meets a missing one, and nothing is lost', async () => {
    await using app = await startApp({ schema, jobs: ok })
    const kept = app.next('partitions.maintained')
    await app.start()
    await kept
    // No partition was created ahead, as after a week without a worker.
    await sql(
      schema,
      `DROP TABLE $schema.${dayName(0)}, $schema.${dayName(1)}, $schema.${dayName(2)}`,
    )
    const refs = await app.chancy.pushMany(
      Array.from({ length: 500 }, (_, n) => ok.job.withArgs({ n })),
    )
    const done = await app.chancy.waitForJobs(refs)
    for (const [n, one] of done.entries()) {
      expect(one).toMatchObject({ state: 'succeeded', result: n, attempts: 1, errors: [] })
    }
    expect(await days()).toContain(dayName(0))
    expect(await days()).toContain(dayName(1))
  })

  it('are dropped when the retention of every row in them has passed', async () => {
    const over = await makeOldDay(-20, [null, '10 days'])
    const needed = await makeOldDay(-19, [null, '100 days'])
    const young = await makeOldDay(-2, [null])
    const short = await makeOldDay(-3, ['1 hour'])
    const empty = await makeOldDay(-30, [])
    await using app = await startApp({ schema, jobs: ok })
    const kept = app.next('partitions.maintained')
    await app.start()
    expect(await kept).toMatchObject({ dropped: 3 })
    const left = await days()
    expect(left).toEqual(expect.arrayContaining([needed, young]))
    for (const gone of [over, short, empty]) expect(left).not.toContain(gone)
    await sql(schema, `DROP TABLE $schema.${needed}, $schema.${young}`)
  })

  it('that a session reads stay, and hold up neither a finish nor the end', async () => {
    const old = await makeOldDay(-20, [null])
    await using app = await startApp({ schema, jobs: ok })
    await withClient(async (reader) => {
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await reader.query(`SELECT count(*) FROM ${schema}.finished_jobs`)
      const worker = await app.start()
      // It waits for the reader by now.
      const waits = `SELECT 1 FROM pg_stat_activity
        WHERE query LIKE '%DETACH%$schema%' OR query LIKE '%$schema%DETACH%' AND pid <> pg_backend_pid()`
      await until(async () => (await sql(schema, waits)).length > 0)
      // Both end while the reader has not.
      const done = await app.chancy.waitForJob(await app.chancy.push(ok.job.withArgs({ n: 1 })))
      expect(done.state).toBe('succeeded')
      await worker.stop()
      await reader.query('ROLLBACK')
    })
    // The next one does what was left, also of a day that is half detached.
    const kept = app.next('partitions.maintained')
    await app.start()
    await kept
    const tables = await sql(schema, `SELECT to_regclass('$schema.${old}') AS found`)
    expect(tables).toEqual([{ found: null }])
  })
})
