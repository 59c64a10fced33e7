import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Job, job, Limit, Queue } from 'chancy'
import { cron, schedule } from 'chancy/plugins/cron'
import { metrics } from 'chancy/plugins/metrics'
import { triggers } from 'chancy/plugins/triggers'
import { testChancy } from 'chancy/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'

const DAY_MS = 86_400_000
const url = inject('databaseUrl')
const client = new pg.Client({ connectionString: url })
const ok = job({ name: 'ok' }, () => 'done')

beforeAll(() => client.connect())
afterAll(() => client.end())

const schemas = async (): Promise<string[]> => {
  const { rows } = await client.query(
    `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'chancy\\_test\\_%' ORDER BY 1`,
  )
  return rows.map(({ nspname }) => nspname)
}

describe('on a server', () => {
  it('a test has a schema of its own, which close() leaves empty to the next one', async () => {
    const options = { jobs: [ok], plugins: [cron()], database: url }
    const [t, beside] = await Promise.all([testChancy(options), testChancy(options)])
    expect(t.schema).toMatch(/^chancy_test_[0-9a-f]{16}$/)
    expect(beside.schema).not.toBe(t.schema)
    await t.chancy.declare(new Queue('mails', { concurrency: 3 }))
    await schedule(t.chancy, { key: 'hourly', cron: '0 * * * *', job: ok })
    await t.chancy.push(ok.job.withArgs({}).withQueue('mails'))
    await t.chancy.push(ok.job.withArgs({}).withDelay('30d'))
    expect(await t.advance('5h')).toMatchObject({ ran: 6 })
    await t.close()
    await expect(t.drain()).rejects.toMatchObject({ code: 'CLOSED' })

    await using next = await testChancy({ ...options, now: new Date('2031-05-01T12:00:00Z') })
    expect(next.schema).toBe(t.schema)
    expect(next.now).toEqual(new Date('2031-05-01T12:00:00Z'))
    expect(await next.pushed()).toEqual([])
    expect(await next.chancy.listJobs()).toEqual([])
    expect((await next.chancy.getQueues()).map(({ name }) => name)).not.toContain('mails')
    expect(await next.advance('3h')).toMatchObject({ ran: 0 })
    await beside.close()
  })

  it('two tests never take the same spare schema', async () => {
    const options = { jobs: [ok], plugins: [cron(), triggers()], database: url }
    const first = await Promise.all(Array.from({ length: 3 }, () => testChancy(options)))
    for (const t of first) await t.close()
    const taken = await Promise.all(Array.from({ length: 6 }, () => testChancy(options)))
    const names = new Set(taken.map(({ schema }) => schema))
    for (const t of taken) await t.close()
    expect(names.size).toBe(6)
    expect(first.filter(({ schema }) => names.has(schema))).toHaveLength(3)
  })

  it('a schema whose tables or functions a test has changed is dropped', async () => {
    for (const change of [
      'CREATE TABLE $.notes (id int)',
      'ALTER TABLE $.jobs ADD COLUMN more text',
      'CREATE OR REPLACE FUNCTION $.now_1() RETURNS timestamptz LANGUAGE sql AS $b$ SELECT pg_catalog.now() $b$',
      'DROP TRIGGER test_push ON $.jobs',
    ]) {
      const t = await testChancy({ jobs: [ok], database: url })
      await client.query(change.replaceAll('$.', `${t.schema}.`))
      await t.close()
      expect(await schemas(), change).not.toContain(t.schema)
    }
  })

  it('a reset leaves the rows that migrations have made', async () => {
    await using t = await testChancy({ jobs: [ok], plugins: [metrics()], database: url })
    const series = async () =>
      (await client.query(`SELECT * FROM ${t.schema}.metrics_series ORDER BY id`)).rows
    const made = await series()
    expect(made.length).toBeGreaterThan(0)
    await t.chancy.push(ok)
    await t.advance('10m')
    expect((await series()).length).toBeGreaterThan(made.length)
    await t.reset()
    expect(await series()).toEqual(made)
    await t.chancy.push(ok)
    expect(await t.advance('10m')).toMatchObject({ succeeded: 1 })
    expect((await series()).length).toBeGreaterThan(made.length)
  })

  it('a schema is kept when the test says so, and its name is printed', async () => {
    const written: string[] = []
    const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    const t = await testChancy({ jobs: [ok], database: url, keep: true })
    await t.close().finally(() => write.mockRestore())
    expect(written.join('')).toContain(`kept the schema ${t.schema}`)
    expect(await schemas()).toContain(t.schema)
    await client.query(`DROP SCHEMA ${t.schema} CASCADE`)
  })

  it('schemas that killed processes left behind are removed when they are old, and no others', async () => {
    const ago = (days: number, isKept: boolean): string =>
      `chancy/testing ${JSON.stringify({ madeMs: Date.now() - days * DAY_MS, isKept })}`
    const left = {
      chancy_test_0000000000000001: ago(2, false),
      chancy_test_0000000000000002: ago(0.5, false),
      chancy_test_0000000000000003: ago(2, true),
      chancy_test_0000000000000004: ago(8, true),
      chancy_test_0000000000000005: 'of another tool',
      chancy_test_of_a_person: ago(99, false),
    }
    for (const [name, comment] of Object.entries(left)) {
      await client.query(`CREATE SCHEMA ${name}`)
      await client.query(`COMMENT ON SCHEMA ${name} IS '${comment}'`)
    }
    const t = await testChancy({ jobs: [ok], database: url })
    await t.close()
    const names = Object.keys(left)
    const present = (await schemas()).filter((name) => names.includes(name))
    for (const name of present) await client.query(`DROP SCHEMA ${name}`)
    expect(present).toEqual([names[1], names[2], names[4], names[5]])
  })

  it('what is rolled back was not pushed', async () => {
    await using t = await testChancy({ jobs: [ok], database: url })
    await client.query('BEGIN')
    await t.chancy.push(ok, { session: client })
    await client.query('ROLLBACK')
    await t.assertNotPushed(ok)
    await client.query('BEGIN')
    await t.chancy.push(ok, { session: client })
    await client.query('COMMIT')
    await t.assertPushed(ok, { times: 1 })
    expect(await t.drain()).toMatchObject({ succeeded: 1 })
  })

  it('real children run the jobs when the test says so, and die for real', async () => {
    await using t = await testChancy({
      jobs: new URL('../support/plugins/around-jobs.mjs', import.meta.url),
      database: url,
      executor: 'process',
      patience: '60s',
    })
    t.crashNext('wrapped')
    t.failNext('wrapped', Object.assign(new Error('smtp is down'), { name: 'SmtpError' }))
    await t.chancy.push(Job.named('wrapped').withMaxAttempts(3))
    expect(await t.advance('1d')).toMatchObject({ ran: 3, retrying: 2, succeeded: 1 })
    const { errors } = await t.last('wrapped')
    expect(errors.map(({ kind, name, message }) => [kind, name, message])).toEqual([
      ['crash', 'AttemptError', expect.stringContaining('SIGKILL')],
      ['error', 'SmtpError', 'smtp is down'],
    ])
  })
})

describe('children', () => {
  it('end a job that blocks its loop at its time limit, and time is that of the limit then', async () => {
    const now = new Date('2026-01-01T00:00:00Z')
    await using t = await testChancy({
      jobs: new URL('../support/jobs/rude.mjs', import.meta.url),
      ...{ database: url, executor: 'process', patience: '4s', now },
    })
    await t.chancy.push(
      Job.named('spins')
        .withMaxAttempts(1)
        .withLimits([Limit.time('1h')]),
    )
    await expect(t.drain()).rejects.toThrow(/"spins" .*advance\(\) moves it to a time limit/)
    expect(await t.advance('2h')).toMatchObject({ ran: 1, failed: 1 })
    const { errors, finishedAt } = await t.last('spins')
    expect(errors.map(({ kind }) => kind)).toEqual(['timeout'])
    expect(finishedAt).toEqual(new Date('2026-01-01T01:00:00Z'))
  })
})

describe('without a server', () => {
  it('a test runs on PGlite, whose tables are made once, and never on DATABASE_URL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chancy-kit-'))
    vi.stubEnv('TMPDIR', folder)
    vi.stubEnv('CHANCY_TEST_URL', '')
    vi.stubEnv('DATABASE_URL', 'postgresql://nowhere:1/none')
    const files = (): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.tar'),
      )
    try {
      const now = new Date('2026-01-01T00:30:00Z')
      for (const start of [now, new Date('2027-06-01T00:30:00Z')]) {
        await using t = await testChancy({ jobs: [ok], plugins: [cron()], now: start })
        expect(t.now).toEqual(start)
        await schedule(t.chancy, { key: 'hourly', cron: '0 * * * *', job: ok })
        expect(await t.advance('2h')).toMatchObject({ ran: 2, succeeded: 2 })
        await t.reset()
        expect(await t.pushed()).toEqual([])
        expect(files()).toHaveLength(1)
      }
    } finally {
      vi.unstubAllEnvs()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 180_000)
})
