import { type ChancyOptions, Job, job, Queue } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { postgresJsDriver } from 'chancy/drivers/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import {
  findPgBouncer,
  NO_PGBOUNCER,
  type PgBouncer,
  startPgBouncer,
} from '../support/pgbouncer.ts'
import { until } from '../support/until.ts'

const isThere = findPgBouncer() !== null
const SERVERS = 5

it.skipIf(isThere)(`PgBouncer in transaction mode is ${NO_PGBOUNCER}`, (context) => {
  context.skip(NO_PGBOUNCER)
})

const work = job({ name: 'work', maxAttempts: 2 }, async ({ n }: { n: number }) => n * 2)
const once = job({ name: 'once', maxAttempts: 2 }, async (_: object, { attempt }) => {
  if (attempt === 1) throw new Error('the first attempt')
  return 'second'
})
const jobs = [work, once]
const a = Job.named('work', { maxAttempts: 2 })
const second = Job.named('once', { maxAttempts: 2 })

describe.runIf(isThere)('Behind PgBouncer in transaction mode', () => {
  let pooler: PgBouncer
  beforeAll(async () => {
    pooler = await startPgBouncer(databaseUrl())
  })
  afterAll(() => pooler?.[Symbol.asyncDispose]())

  const app = (schema: string, options: ChancyOptions = {}) =>
    new TestApp(pooler.url, { jobs, schema, ...options })

  describe('with the option', () => {
    const schema = testSchema()

    it('everything works, and no session of the server keeps anything', async () => {
      await using app1 = app(schema, { pooler: 'transaction' })
      const { chancy } = app1
      await chancy.migrate()
      await expiredPartitions(schema, 3)
      await chancy.declare(
        new Queue('slow', { executor: 'inline', pollingInterval: '50ms', concurrency: 2 }),
      )
      await app1.start()
      const pushed = await chancy.pushMany(
        Array.from({ length: 200 }, (_, n) => a.withArgs({ n }).withQueue('slow')),
      )
      const limited = Array.from({ length: 20 }, (_, n) =>
        a.withArgs({ n }).withQueue('slow').withConcurrency(2),
      )
      const others = await Promise.all([
        ...limited.map((one) => chancy.push(one)),
        chancy.push(second.withQueue('slow').withBackoff('none')),
        chancy.push(a.withArgs({ n: 1 }).withQueue('slow').withDelay('100ms')),
      ])
      const unique = a.withArgs({ n: 7 }).withQueue('slow').withUniqueKey('one').withDelay('1h')
      const first = await chancy.push(unique)
      expect((await chancy.push(unique)).id).toBe(first.id)
      expect(await chancy.cancel(first)).toBe('cancelled')
      const done = await chancy.waitForJobs([...pushed, ...others], { timeout: '50s' })
      expect(done.map(({ state }) => state)).toEqual(done.map(() => 'succeeded'))
      await until(async () => (await daysOf(schema)).every((name) => !name.includes('_2020')), {
        what: 'the end of the old days',
        timeoutMs: 40_000,
      })
      expect(app1.lines.filter(({ level }) => level === 'error')).toEqual([])
      expect(app1.lines.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('behind a transaction pooler'),
      )
      expect(await leftovers(pooler.url)).toEqual([])
    })

    it('a push in a transaction of the caller is committed and rolled back with it', async () => {
      await using app1 = app(schema, { pooler: 'transaction' })
      await app1.chancy.migrate()
      const pool = new pg.Pool({ connectionString: pooler.url, max: 1 })
      const client = await pool.connect()
      await client.query('BEGIN')
      const kept = await app1.chancy.push(Job.named('unknown'), { session: client })
      await client.query('COMMIT')
      await client.query('BEGIN')
      const gone = await app1.chancy.push(Job.named('unknown'), { session: client })
      await client.query('ROLLBACK')
      client.release()
      await pool.end()
      expect(await app1.chancy.getJob(kept)).toMatchObject({ state: 'pending' })
      expect(await app1.chancy.getJob(gone)).toBeNull()
    })
  })

  describe('without the option', () => {
    const schema = testSchema()

    it('no push is refused, no outcome is lost, and the worker names the option', async () => {
      await using app1 = app(schema)
      const { chancy } = app1
      await chancy.migrate()
      // A separate producer, without detection.
      await using producer = new TestApp(pooler.url, { schema, notifications: false })
      await app1.start()
      const pushed = await Promise.all(
        Array.from({ length: 150 }, (_, n) =>
          (n % 2 === 0 ? chancy : producer.chancy).push(a.withArgs({ n })),
        ),
      )
      const done = await chancy.waitForJobs(pushed, { timeout: '50s' })
      expect(done.map(({ state }) => state)).toEqual(done.map(() => 'succeeded'))
      const [warning] = app1.lines.filter(({ level }) => level === 'warn')
      expect(warning?.message).toContain("pooler: 'transaction'")
      expect(warning?.message).toContain('transaction mode')
    })

    it('statements of the same name by other clients are no failure', async () => {
      const pools = [0, 1, 2].map(() => new pg.Pool({ connectionString: pooler.url, max: 3 }))
      const drivers = pools.map((pool) => pgDriver(pool))
      const query = { text: 'SELECT $1::int AS n', values: [1], name: 'pooler_test' }
      const sent = Array.from({ length: 60 }, (_, i) => drivers[i % 3]!.query(query))
      expect(await Promise.all(sent)).toHaveLength(60)
      const inTransaction = drivers.map((driver) =>
        driver.transaction((session) => session.query(query)).catch(() => null),
      )
      await Promise.all(inTransaction)
      const again = await Promise.all(
        drivers.map((driver) => driver.transaction((session) => session.query(query))),
      )
      expect(again).toEqual([[{ n: 1 }], [{ n: 1 }], [{ n: 1 }]])
      await Promise.all(pools.map((pool) => pool.end()))
    })

    it('a driver of postgres.js finds it out as well', async () => {
      const sql = postgres(pooler.url, { max: 4, onnotice: () => {} })
      const driver = postgresJsDriver(sql)
      expect(await driver.findPooler?.()).toBe('transaction')
      expect(driver.isPooled).toBe(true)
      const listening = driver.listen('nothing', { onPayload: () => {}, onLost: () => {} })
      await expect(listening).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
      await sql.end()
    })

    it('a heartbeat by the address of the driver detects the pooler', async () => {
      const pool = new pg.Pool({ connectionString: pooler.url })
      const driver = pgDriver(pool, { pooler: 'transaction' })
      expect(await driver.address?.()).toMatchObject({ pooler: 'transaction' })
      const sql = postgres(pooler.url)
      expect(await postgresJsDriver(sql, { pooler: 'transaction' }).address?.()).toMatchObject({
        pooler: 'transaction',
      })
      await Promise.all([pool.end(), sql.end()])
    })
  })

  describe('with two applications of other names', () => {
    const schema = testSchema()

    it('a worker over a pool of its own needs only the option of the driver', async () => {
      const pool = new pg.Pool({ connectionString: pooler.url, max: 4 })
      await using app1 = new TestApp(pgDriver(pool, { pooler: 'transaction' }), { jobs, schema })
      await app1.chancy.migrate()
      await app1.start()
      const ref = await app1.chancy.push(a.withArgs({ n: 4 }))
      const done = await app1.chancy.waitForJob(ref, { timeout: '50s' })
      expect(done).toMatchObject({ state: 'succeeded', result: 8 })
      for (const worker of app1.workers) await worker.stop()
      await app1.chancy.close()
      await pool.end()
    })
  })
})

describe.runIf(isThere)('Behind PgBouncer in session mode', () => {
  const schema = testSchema()

  it('a worker receives notifications, and logs that there is a pooler', async () => {
    await using pooler = await startPgBouncer(databaseUrl(), 'session')
    // Each connection keeps a server of its own: the pool of PgBouncer has 5.
    const pool = new pg.Pool({ connectionString: pooler.url, max: 2 })
    await using app1 = new TestApp(pgDriver(pool), { jobs, schema })
    await app1.chancy.migrate()
    const connected = app1.next('notifier.connected')
    await app1.start()
    await connected
    const [warning] = app1.lines.filter(({ level }) => level === 'warn')
    expect(warning?.fields).toMatchObject({ pooler: 'unknown' })
    for (const worker of app1.workers) await worker.stop()
    await app1.chancy.close()
    await pool.end()
  })
})

describe('Straight to the server', () => {
  const schema = testSchema()

  it('no driver detects a pooler, and a worker logs none', async () => {
    const sql = postgres(databaseUrl(schema), { max: 2 })
    expect(await postgresJsDriver(sql).findPooler?.()).toBeNull()
    await sql.end()
    await using app1 = new TestApp(databaseUrl(schema), { jobs, schema })
    await app1.chancy.migrate()
    await app1.start()
    expect(app1.lines.filter(({ message }) => message?.includes('pooler'))).toEqual([])
  })
})

/** Days of history that are over, as an upkeep of long ago left them. */
async function expiredPartitions(schema: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl() })
  await client.connect()
  for (let day = 20200101; day < 20200101 + count; day++) {
    const name = `${schema}.finished_jobs_${day}`
    await client.query(`CREATE TABLE ${name} (LIKE ${schema}.finished_jobs INCLUDING ALL)`)
    await client.query(
      `ALTER TABLE ${schema}.finished_jobs ATTACH PARTITION ${name}
       FOR VALUES FROM ('${day} 00:00+00') TO ('${day} 23:00+00')`,
    )
  }
  await client.end()
}

async function daysOf(schema: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl() })
  await client.connect()
  const { rows } = await client.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relname LIKE 'finished\\_jobs\\_%' AND relnamespace = $1::regnamespace`,
    [schema],
  )
  await client.end()
  return rows.map(({ relname }) => relname)
}

/** What the servers of a pooler still have of earlier clients, asked on all of them. */
async function leftovers(url: string): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: url, max: SERVERS })
  const text = `
    SELECT name || '=' || setting AS it FROM pg_settings
     WHERE source = 'session' AND name NOT IN ('application_name')
     UNION ALL SELECT 'prepared ' || name FROM pg_prepared_statements
     UNION ALL SELECT 'listens to ' || channel FROM pg_listening_channels() AS channel
     UNION ALL SELECT 'lock ' || objid FROM pg_locks
                WHERE locktype = 'advisory' AND pid = pg_backend_pid()`
  const asked = Array.from({ length: SERVERS }, async () => {
    // All at the same time, so that each has a server to itself.
    const client = await pool.connect()
    await client.query('BEGIN')
    const { rows } = await client.query<{ it: string }>(text)
    await client.query('SELECT pg_sleep(0.3)')
    await client.query('ROLLBACK')
    client.release()
    return rows.map(({ it }) => it)
  })
  const found = (await Promise.all(asked)).flat()
  await pool.end()
  return found
}
