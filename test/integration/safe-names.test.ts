import { readdirSync } from 'node:fs'
import { inspect } from 'node:util'
import { Chancy, job, Queue, RetryJob, SnoozeJob, Worker } from 'chancy'
import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { namesOf } from '../../dist/database/names.js'
import { withClient } from '../support/database.ts'
import { ownDatabase } from '../support/own-database.ts'
import { calledOf, plant, schemaText } from '../support/planted.ts'

const SCHEMA = 'safe'
/** The part of the history for today, which is there. */
const TODAY = `finished_jobs_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
const url = ownDatabase()
const names = namesOf(SCHEMA)
const folders = ['database/statements', 'plugins/metrics/statements'].map(
  (folder) => new URL(`../../dist/${folder}/`, import.meta.url),
)

/** Every bare statement of the engine, by its name. */
async function bareStatements(): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.js'))
      .map((name) => new URL(name, folder)),
  )
  for (const file of files) {
    const values = Object.values(await import(file.href))
    for (const value of values) {
      const ofPartition = value as (partition: string) => unknown
      const isOfPartition =
        typeof value === 'function' && value.length === 1 && !value.name.endsWith('Sql')
      const one = (isOfPartition ? ofPartition(TODAY) : value) as {
        readonly name?: string
        readonly text?: (t: typeof names) => string
      }
      if (one.name !== undefined && one.text !== undefined) texts.set(one.name, one.text(names))
    }
  }
  return texts
}

beforeAll(async () => {
  const texts = await bareStatements()
  await withClient((client) => plant(client, [schemaText(), ...texts.values()]), url())
}, 120_000)

describe('in a database where another user has planted better matching functions and operators', () => {
  it('a statement that leaves a type to PostgreSQL would call them', () =>
    withClient(async (client) => {
      for (const text of [
        'SELECT 2::float8 * 1000',
        "SELECT hashtextextended('a'::text, 0)",
        "SELECT to_char('2020-01-01'::date, 'YYYY')",
        'SELECT u FROM unnest(ARRAY[1]) AS u',
        "SELECT 1::oid = 'pg_catalog'::regnamespace",
        "SELECT array_position(ARRAY['a'::text], 'b'::text)",
      ]) {
        await expect(client.query(text)).rejects.toThrow('planted')
        expect(await calledOf(client, text), text).toHaveLength(1)
      }
    }, url()))

  it('no function is called through the whole life of jobs', async () => {
    const errors: unknown[] = []
    // A busy machine may lose a lease or a moment, which is not what this is about.
    const failed = (fields: object): void => {
      const said = inspect(fields, { depth: 6 })
      if (/planted|'42[0-9A-Z]{3}'/.test(said)) errors.push(said)
    }
    const logger = { debug: failed, info: failed, warn: failed, error: failed }
    const fine = job({ name: 'fine', queue: 'plain' }, ({ n }: { n: number }, context) => {
      context.progress(n)
      return n
    })
    const again = job(
      { name: 'again', maxAttempts: 3, queue: 'plain' },
      (_: object, { attempt }) => {
        if (attempt === 1) throw new RetryJob(10)
        throw new Error('no')
      },
    )
    const later = job({ name: 'later', queue: 'plain' }, (_: object, { job: { createdAt } }) => {
      if (Date.now() - createdAt.getTime() < 100) throw new SnoozeJob(100)
    })
    const hang = job({ name: 'hang', queue: 'plain' }, (_: object, { signal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const jobs = [fine, again, later, hang]
    await using chancy = new Chancy(url(), { schema: SCHEMA, jobs, logger })
    chancy.on('database.error', failed)
    await chancy.migrate()
    const pool = new pg.Pool({ connectionString: url(), max: 2 })

    const inline = { executor: 'inline', concurrency: 20 } as const
    await chancy.declare(new Queue('plain', inline))
    await chancy.declare(new Queue('plain', inline), { upsert: true })
    await chancy.declare(new Queue('rated', { ...inline, rateLimit: { max: 100, per: '1s' } }))
    await chancy.declare(new Queue('still', inline))
    await chancy.pauseQueue('still', { resumeAt: new Date(Date.now() + 200) })
    await chancy.declare(new Queue('gone', inline))
    await chancy.pauseQueue('gone')
    await chancy.resumeQueue('gone')
    await chancy.deleteQueue('gone')

    const early = await chancy.pushMany(
      Array.from({ length: 600 }, (_, n) => fine.job.withArgs({ n }).withPriority(n % 3)),
    )
    const worker = new Worker(chancy, { signals: false })
    await worker.start()
    const many = [
      ...early,
      await chancy.push(fine.job.withArgs({ n: 1 })),
      await chancy.push(fine.job.withArgs({ n: 1 }).withQueue('rated')),
      await chancy.push(fine.job.withArgs({ n: 1 }).withQueue('still')),
      await chancy.push(fine.job.withArgs({ n: 1 }).withDelay('200ms').withRetention('1h')),
      await chancy.push(fine.job.withArgs({ n: 1 }).withMeta({ a: 1 }).withUniqueKey('a')),
      ...(await chancy.pushMany(
        Array.from({ length: 50 }, (_, n) =>
          fine.job
            .withArgs({ n })
            .withConcurrency(2, 'n')
            .withUniqueKey(`k${n % 10}`),
        ),
      )),
      ...(await chancy.pushMany(
        Array.from({ length: 50 }, (_, n) => fine.job.withArgs({ n }).withConcurrency(2)),
      )),
      await chancy.push(later),
    ]
    const client = await pool.connect()
    await client.query('BEGIN')
    many.push(await chancy.push(fine.job.withArgs({ n: 1 }), { session: client }))
    const { rows } = await client.query(
      `SELECT safe.push('fine', args => '{"n":1}', queue => 'plain', priority => 1, max_attempts => 2,
         scheduled_at => now(), unique_key => 'sql', meta => '{"a":1}') AS id`,
    )
    await client.query('COMMIT')
    client.release()
    many.push(rows[0].id)
    const bad = await chancy.push(again)
    const ended = await chancy.waitForJobs([...many, bad], { timeout: '60s' })
    expect(ended.filter(({ state }) => state !== 'succeeded').map(({ id }) => id)).toEqual([bad.id])

    await chancy.retry(bad)
    await chancy.waitForJob(bad)
    const running = await chancy.push(hang)
    await chancy.waitForJob(running, { states: ['running'], timeout: '60s' })
    expect(await chancy.listJobs({ state: 'running' })).toHaveLength(1)
    await chancy.explain(running)
    expect(await chancy.cancel(running)).toBe('requested')
    await chancy.waitForJob(running, { timeout: '60s' })
    const waiting = await chancy.push(
      fine.job.withArgs({ n: 1 }).withDelay('1h').withConcurrency(1),
    )
    await chancy.explain(waiting)
    await chancy.explainQueue('plain')
    expect(await chancy.cancel(waiting)).toBe('cancelled')
    for (const state of ['pending', 'succeeded', 'failed', 'cancelled'] as const) {
      await chancy.listJobs({ state })
      await chancy.listJobs({ state, queue: 'plain', name: 'fine', after: waiting })
    }
    expect(await chancy.getWorkers()).toHaveLength(1)
    await chancy.getQueues()

    // What the worker does by itself only after a while, or after a fault.
    for (const call of [
      "advance_watermarks_1('plain', '{0,1}')",
      "advance_watermarks_1('plain', '{0,1}')",
      'sweep_groups_1(NULL, 100)',
      'create_partitions_1(9)',
    ]) {
      await pool.query(`SELECT safe.${call}`)
    }
    await pool.query(`
      INSERT INTO safe.jobs (id, queue, name, state, position, worker_id)
      SELECT g.id, 'none', 'fine', 'running', 0, g.worker FROM (
        VALUES (gen_random_uuid(), gen_random_uuid())) AS g(id, worker);
      INSERT INTO safe.claims SELECT j.worker_id, 1, array_agg(j.id) FROM safe.jobs j WHERE j.queue = 'none'
       GROUP BY j.worker_id`)
    const { rows: recovered } = await pool.query('SELECT * FROM safe.recover_1(10, 3, 0)')
    expect(recovered).toHaveLength(1)
    await worker.stop()
    await pool.end()
    expect(errors).toEqual([])
  }, 120_000)

  it('no bare statement names one of them', () =>
    withClient(async (client) => {
      const found: string[] = []
      let count = 0
      for (const [name, text] of await bareStatements()) {
        // The body of a function holds nothing else, and these call no function.
        if (!/^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)/.test(text)) continue
        count++
        const called = await calledOf(client, text).catch((error) => [String(error)])
        for (const one of called) found.push(`${name} calls ${one}`)
      }
      expect(count).toBeGreaterThan(40)
      expect(found).toEqual([])
    }, url()))
})
