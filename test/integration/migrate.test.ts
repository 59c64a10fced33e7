import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Chancy, Job, job, MigrationsNeededError, Queue, Worker } from 'chancy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { coreMigrations } from '../../src/database/migrations/core.ts'
import { databaseUrl, withClient } from '../support/database.ts'
import { startProcess } from '../support/process.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const MUCH = 'Odd "name, it\'s \\ %s $1$$b$body$ UPPER schön✓'
const NEWEST = coreMigrations.steps.length
const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
const endings: (() => Promise<unknown>)[] = []
let schema = ''

const open = (name = schema, options = {}) => {
  const chancy = new Chancy(databaseUrl(), { schema: name, notifications: false, ...options })
  endings.push(() => chancy.close())
  return chancy
}
const drop = (name: string) =>
  withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${quote(name)} CASCADE`))

async function value<T>(text: string, values: unknown[] = []): Promise<T> {
  const { rows } = await withClient((client) => client.query(text, values))
  return Object.values(rows[0] as object)[0] as T
}
const tables = (name = schema) =>
  value<number>(
    "SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'S') AND relname <> 'migrations'",
    [quote(name)],
  )

beforeEach(() => {
  schema = `migrate_${randomBytes(5).toString('hex')}`
})
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
  await drop(schema)
})

/** Each part of a name by itself. */
const NAMES: readonly [what: string, part: string][] = [
  ['a quote and a blank', 'Odd "name'],
  ['dollar signs', 'a$$b$body$'],
  ['63 bytes', 'x'.repeat(55)],
  ['upper case', 'UPPER'],
  ['an apostrophe and a backslash', "it's \\ %s $1"],
  ['letters beyond ASCII', 'schön✓'],
]

describe('test/schema.sql', () => {
  it('is the dump of what migrate makes', async (context) => {
    const major = await value<number>("SELECT current_setting('server_version_num')::int / 10000")
    // The catalogue's functions write some things differently from version to version.
    context.skip(major !== 18, 'the recorded schema is that of PostgreSQL 18')
    const script = new URL('../../scripts/schema-catalogue.mjs', import.meta.url)
    const { dumpSchema } = await import(script.href)
    await open().migrate()
    const written = await readFile(new URL('../schema.sql', import.meta.url), 'utf8')
    const dump = await withClient((client) => dumpSchema(client, schema))
    expect(dump, 'run: node scripts/dump-schema.mjs --write').toBe(written)
  })
})

describe('migrate', () => {
  it('brings a schema up, does nothing the second time, and takes everything away again', async () => {
    const chancy = open()
    expect(await chancy.isUpToDate()).toBe(false)
    await chancy.migrate()
    expect(await chancy.isUpToDate()).toBe(true)
    const made = await tables()
    await chancy.push(Job.named('task'))
    await chancy.migrate()
    expect(await value(`SELECT count(*)::int FROM ${schema}.jobs`)).toBe(1)
    await chancy.migrate({ to: 0 })
    expect(await tables()).toBe(0)
    expect(
      await value('SELECT count(*)::int FROM pg_proc WHERE pronamespace = to_regnamespace($1)', [
        schema,
      ]),
    ).toBe(0)
    expect(await chancy.isUpToDate()).toBe(false)
    await chancy.migrate()
    expect(await tables()).toBe(made)
    await chancy.push(Job.named('task'))
  })

  it.each([-1, 99, 1.5, '1', null])('refuses to go to %o', async (to) => {
    await expect(open().migrate({ to: to as number })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('takes a version from 0'),
    })
    expect(await value('SELECT to_regnamespace($1) IS NULL', [schema])).toBe(true)
  })

  it('is done once by many concurrent processes, one of which is killed in the middle', {
    timeout: 200_000,
  }, async () => {
    const url = databaseUrl()
    const script = new URL('../support/processes/migrator.mjs', import.meta.url)
    const processes = Array.from({ length: 20 }, () =>
      startProcess(script, { args: [url, schema] }),
    )
    endings.push(async () => {
      for (const one of processes) await one[Symbol.asyncDispose]()
    })
    await Promise.all(processes.map((one) => one.next((said) => said === 'ready', 100_000)))
    await withClient(async (client) => {
      // The migrator that holds the lock waits at the first table of this name.
      await client.query(`CREATE SCHEMA ${schema}`)
      await client.query('BEGIN')
      await client.query(`CREATE TABLE ${schema}.jobs ()`)
      const [victim, ...others] = processes
      victim!.send('go')
      await until(async () => {
        const text =
          "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        return (await value<number>(text)) > 0
      })
      for (const one of others) one.send('go')
      victim!.kill('SIGKILL')
      await victim!.exited
      await client.query('ROLLBACK')
      const said = await Promise.all(
        others.map((one) => one.next<unknown>((it) => it !== 'ready', 80_000)),
      )
      expect(said).toEqual(others.map(() => ({ upToDate: true })))
    })
    expect(
      await value(`SELECT string_agg(DISTINCT line, ', ' ORDER BY line) FROM ${schema}.migrations`),
    ).toBe('chancy.core, chancy.failures, chancy.metrics')
    await open().push(Job.named('task'))
  })

  it('gives up behind a lock instead of blocking every other session behind it, and tries again', async () => {
    const chancy = open()
    await chancy.migrate()
    const ref = await chancy.push(Job.named('task'))
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT count(*) FROM ${schema}.workflows`)
      const down = chancy.migrate({ to: 0 })
      const waits =
        'SELECT count(*)::int FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT l.granted AND c.relnamespace = to_regnamespace($1)'
      await until(async () => (await value<number>(waits, [schema])) > 0)
      // The reader has not ended.
      await open().getJobs([ref])
      await until(async () => (await value<number>(waits, [schema])) === 0)
      await client.query('COMMIT')
      await down
    })
    expect(await tables()).toBe(0)
  })

  it('makes a new schema while a reader has a snapshot, and waits for none', async () => {
    await withClient(async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await client.query('SELECT count(*) FROM pg_class')
      const chancy = open()
      await chancy.migrate()
      expect(await chancy.isUpToDate()).toBe(true)
      await client.query('COMMIT')
    })
  })

  it('makes an index of a table with jobs without a lock, also when it was interrupted', async () => {
    const chancy = open()
    await chancy.migrate({ to: 1 })
    await withClient((client) =>
      client.query(
        `INSERT INTO ${schema}.jobs (id, seq, run_at, queue, name, args, max_attempts)
         SELECT gen_random_uuid(), n, 'infinity', 'default', 'task', '{}', 1 FROM generate_series(1, 5) n`,
      ),
    )
    const valid = `SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = '${schema}.jobs'::regclass`
    await withClient(async (reader) => {
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await reader.query('SELECT count(*) FROM pg_class')
      const migrating = chancy.migrate()
      // It is in the catalogue by then, and waits for the snapshot.
      const indexing = `SELECT pid FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONCURRENTLY%${schema}%'`
      await until(
        async () =>
          (await value<number | undefined>(`SELECT max(pid) FROM (${indexing}) s`)) !== null,
      )
      await value(`SELECT count(pg_cancel_backend(pid)) FROM (${indexing}) s`)
      expect(await value(valid)).toBe(false)
      await reader.query('COMMIT')
      await migrating.catch(() => {})
    })
    await chancy.migrate()
    expect(await value(valid)).toBe(true)
    expect(await chancy.isUpToDate()).toBe(true)
  })

  it('refuses a newer schema with the release that it needs, and an older one with what to run', async () => {
    const task = job({ name: 'task' }, () => 1)
    const chancy = open(schema, { jobs: [task] })
    const older = await chancy.push(task).catch((error) => error)
    expect(older).toBeInstanceOf(MigrationsNeededError)
    expect(older).toMatchObject({ code: 'MIGRATIONS_NEEDED', details: { have: 0, want: NEWEST } })
    expect(older.message).toContain('"chancy migrate"')
    expect(older.message).toContain(`"${schema}"`)
    for (const call of [
      () => chancy.getJob('01890000-0000-7000-8000-000000000000'),
      () => chancy.listJobs(),
      () => chancy.declare(new Queue('q')),
      () => chancy.pushMany([task]),
      () => chancy.cancel('01890000-0000-7000-8000-000000000000'),
      () => chancy.getWorkers(),
      () => chancy.waitForJob('01890000-0000-7000-8000-000000000000'),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(MigrationsNeededError)
    }
    const worker = new Worker(chancy, { signals: false })
    await expect(worker.start()).rejects.toMatchObject({ code: 'MIGRATIONS_NEEDED' })
    await worker.stop()

    await chancy.migrate()
    await withClient((client) =>
      client.query(
        `INSERT INTO ${schema}.migrations (line, version, breaking, applied_at)
         SELECT DISTINCT line, 99, true, now() FROM ${schema}.migrations`,
      ),
    )
    expect(await chancy.isUpToDate()).toBe(false)
    await expect(chancy.migrate()).rejects.toMatchObject({
      code: 'MIGRATIONS_NEEDED',
      message: expect.stringContaining('the release that migrated the schema'),
    })
    const late = new Worker(chancy, { signals: false })
    await expect(late.start()).rejects.toThrow(
      new RegExp(
        `serves releases that know version 99 .* knows ${NEWEST}\\. Replace it by the release that migrated`,
      ),
    )
    await late.stop()
  })

  it('keeps two schemas of one database apart', async () => {
    const other = `${schema}_other`
    try {
      const task = job({ name: 'task' }, () => 'ran')
      const [a, b] = [open(schema, { jobs: [task] }), open(other, { jobs: [task] })]
      await Promise.all([a.migrate(), b.migrate()])
      const inA = await a.push(task.job.withUniqueKey('k'))
      const inB = await b.push(task.job.withUniqueKey('k'))
      expect(inB.created).toBe(true)
      expect(await b.getJob(inA)).toBe(null)
      expect(await b.cancel(inA)).toBe('unknown')
      await using worker = new Worker(a, { signals: false })
      await worker.start()
      await a.waitForJob(inA)
      expect(await b.getJob(inB)).toMatchObject({ state: 'pending' })
      await a.migrate({ to: NEWEST })
      await worker.stop()
      await a.migrate({ to: 0 })
      expect(await b.getJob(inB)).toMatchObject({ state: 'pending' })
      expect(await b.getWorkers()).toEqual([])
    } finally {
      await drop(other)
    }
  })

  it.each([
    ['much to quote in 63 bytes', `${MUCH}${'x'.repeat(55 - Buffer.byteLength(MUCH))}`],
    ...sized([], NAMES),
  ])('works in a schema whose name has %s', async (_what, part) => {
    const name = `${part}${randomBytes(4).toString('hex')}`
    try {
      const task = job({ name: 'task' }, ({ n }: { n: number }) => n * 2)
      const chancy = open(name, { jobs: [task], notifications: true })
      await chancy.migrate()
      await using worker = new Worker(chancy, { signals: false })
      await worker.start()
      const ref = await chancy.push(task.job.withArgs({ n: 4 }))
      expect(await chancy.waitForJob(ref)).toMatchObject({ result: 8 })
      const bySql = await value<string>(`SELECT ${quote(name)}.push('task', '{"n":5}')::text`)
      expect(await chancy.waitForJob(bySql)).toMatchObject({ result: 10 })
      expect(await value(`SELECT count(*)::int FROM ${quote(name)}.all_jobs`)).toBe(2)
      await worker.stop()
      await chancy.migrate({ to: 0 })
      expect(await tables(name)).toBe(0)
    } finally {
      await drop(name)
    }
  })
})
