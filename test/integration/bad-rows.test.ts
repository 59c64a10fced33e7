import { job, Queue } from 'chancy'
import type { Client } from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema, withClient } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

/** Columns of a row that was not written by `push`, beside its id, queue, name and position. */
const rows: Record<string, string>[] = [
  ...['null', '7', '"text"', '[1]', '{"a":1e400}', '{"__proto__":{"a":1}}'].map((args) => ({
    args: `'${args}'`,
  })),
  ...['{}', '7', '"x"', '[null]', '[7]', '["x"]', '[[]]', '[{}]', '[{"at":"never"}]', 'null'].map(
    (errors) => ({ errors: `'${errors}'` }),
  ),
  ...['[]', '7', '"x"', 'null', '{"timeMs":"soon"}', '{"timeMs":-1}', '{"other":1}'].map(
    (limits) => ({ limits: `'${limits}'` }),
  ),
  ...['7', '"x"', '[]', 'null', '{"baseMs":"x"}', '{"baseMs":1e308,"factor":9,"maxMs":1e308}'].map(
    (backoff) => ({ backoff: `'${backoff}'`, max_attempts: '2' }),
  ),
  ...['7', '"x"', '[]', 'null'].map((meta) => ({ meta: `'${meta}'` })),
  ...['7', 'null', '{"a":1e400}'].map((progress) => ({ progress: `'${progress}'` })),
  { attempts: '2147483647' },
  { attempts: '-7' },
  { max_attempts: '0' },
  { max_attempts: '-1', attempts: '5' },
  { fence: '9223372036854775807' },
  { fence: '9007199254740993' },
  { fence: '-1' },
  { crashes: '32767' },
  { crashes: '-1' },
  { created_at: `'infinity'` },
  { created_at: `'-infinity'` },
  { scheduled_at: `'infinity'` },
  { run_at: `'infinity'`, position: 'NULL' },
  { run_at: `'-infinity'`, position: 'NULL' },
  { position: 'NULL' },
  { seq: 'NULL' },
  { seq: '9223372036854775807' },
  { priority: '-2147483648' },
  { format: '99' },
  { parked: 'true' },
  { blocked: 'true', position: 'NULL' },
  { cancel_requested_at: 'now()' },
  { retention: `'-1 day'` },
  { retention: `'10000 years'` },
  { concurrency_max: '-1' },
  { unique_key: `''` },
  { name: `''` },
  { name: `'constructor'` },
  { state: `'retrying'`, worker_id: 'gen_random_uuid()' },
]

/** Writes a row, unless the table refuses it, which is the best that can happen to it. */
async function insert(client: Client, columns: Record<string, string>): Promise<string | null> {
  const all: Record<string, string> = {
    id: 'gen_random_uuid()',
    queue: `'default'`,
    name: `'ok'`,
    seq: `nextval('${schema}.positions')`,
    position: `nextval('${schema}.positions')`,
    ...columns,
  }
  const values = `(${Object.keys(all)}) VALUES (${Object.values(all)})`
  try {
    const made = await client.query(`INSERT INTO ${schema}.jobs ${values} RETURNING id`)
    return made.rows[0].id
  } catch (error) {
    expect((error as { code: string }).code).toMatch(/^(22|23)/)
    return null
  }
}

describe('rows that were written past push', () => {
  it('end alone or wait, and stop no other job', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    const fail = job({ name: 'fail' }, () => {
      throw new Error('no')
    })
    const plugin = {
      name: 'test.hooks',
      beforeAttempt: <T>(one: T) => one,
      afterAttempt: <T>(update: T) => update,
      onSaved: async () => {},
    }
    await using app = await startApp({ schema, jobs: [ok, fail], plugins: [plugin] })
    const troubles = app.all('database.error')
    const runs = app.all('job.started')
    app.all('job.saved')
    await app.start()

    const ids = new Map<string, Record<string, string>>()
    expect(rows.length).toBeGreaterThanOrEqual(50)
    await withClient(async (client) => {
      for (const name of [`'ok'`, `'fail'`]) {
        for (const columns of rows) {
          const id = await insert(client, { name, ...columns })
          if (id !== null) ids.set(id, columns)
        }
      }
    })
    // What comes after them in the line and in time is done like any other day.
    const after = await app.chancy.push(ok)
    const later = await app.chancy.push(ok.job.withDelay('300ms'))
    const last = await app.chancy.waitForJobs([after, later], { timeout: '15s' })
    expect(last.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])

    const waits = (columns: Record<string, string>) =>
      columns.position === 'NULL' || columns.name !== undefined
    const left = () =>
      sql<{ id: string; state: string }>(schema, 'SELECT id, state FROM $schema.jobs').then((all) =>
        all.filter(({ id }) => !waits(ids.get(id)!)),
      )
    await until(async () => (await left()).length === 0, { timeoutMs: 15_000 }).catch(async () => {
      expect((await left()).map(({ id, state }) => [state, ids.get(id)])).toEqual([])
    })
    // Each ended once, and none ran without end: at most eight attempts from the seventh below zero.
    const started = new Map<string, number>()
    for (const { job: one } of runs) started.set(one.id, (started.get(one.id) ?? 0) + 1)
    for (const [id, times] of started) expect(times, JSON.stringify(ids.get(id))).toBeLessThan(9)
    expect(troubles.map(({ what, error }) => `${what}: ${error}`)).toEqual([])
    // And all of them can be read.
    const listed = await app.chancy.listJobs({ limit: 1_000 })
    expect(listed.length).toBe(ids.size + 2)
  })

  it('of a lost worker come back beside the others', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using app = await startApp({ schema, jobs: ok })
    const lost = {
      state: `'running'`,
      worker_id: 'gen_random_uuid()',
      attempts: '1',
    }
    await withClient(async (client) => {
      for (const columns of rows) await insert(client, { ...columns, ...lost })
      for (const columns of rows) await insert(client, { ...columns, ...lost, crashes: '2' })
      await insert(client, lost)
      await client.query(
        `INSERT INTO ${schema}.claims (worker_id, claim_seq, ids)
         SELECT worker_id, 1, ARRAY[id] FROM ${schema}.jobs WHERE state = 'running'`,
      )
    })
    const [{ count }] = (await sql<{ count: number }>(
      schema,
      'SELECT count(*)::int FROM $schema.jobs',
    )) as [{ count: number }]
    const recovered = app.all('jobs.recovered')
    const troubles = app.all('database.error')
    await app.start()
    const all = () => recovered.reduce((sum, { ids }) => sum + ids.length, 0) >= count
    await until(() => all() || troubles.length > 0, { what: `${count} recovered jobs` })
    expect(troubles.map(({ what, error }) => `${what}: ${error}`)).toEqual([])
  })
})

describe('a broken queue', () => {
  it('harms only itself', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using app = await startApp({ schema, jobs: ok })
    const columns = [
      `tags = '["("]'`,
      `tags = '7'`,
      `tags = '[7, null]'`,
      `executor = 'spaceship'`,
      `executor_options = '7'`,
      `concurrency = -1`,
      `concurrency = 0`,
      `polling_interval_ms = 0`,
      `polling_interval_ms = -5`,
      `polling_interval_ms = 'NaN'`,
      `polling_interval_ms = 'Infinity'`,
      `polling_interval_ms = 1e15`,
      `resume_at = 'infinity', state = 'paused'`,
      `rate_max = -1`,
      `rate_max = -1, rate_per_ms = 1000`,
      `rate_max = 0, rate_per_ms = 0`,
      `rate_max = 5, rate_per_ms = 'NaN'`,
      `rate_max = 5, rate_per_ms = -1000`,
      `tags = '["(.+)+!"]'`,
      `tags = '["(?=a).*"]'`,
      `executor_options = '{"maximumJobsPerChild":"x","killAfterMs":1e308}'`,
    ]
    for (const [index, set] of columns.entries()) {
      await app.chancy.declare(new Queue(`broken ${index}`, { executor: 'inline' }))
      await sql(schema, `UPDATE $schema.queues SET ${set} WHERE name = 'broken ${index}'`)
    }
    const polls = app.all('queue.polled')
    // Its children would have to load a function that stands in no module.
    await app.chancy.declare(new Queue('children', { executor: 'process' }))
    await app.start()
    expect(await app.chancy.waitForJob(await app.chancy.push(ok))).toMatchObject({ result: 'ok' })
    const before = app.next('queue.polled', ({ queue }) => queue === 'default')
    await app.chancy.push(ok)
    await before
    // None of them is looked at without a pause: in a second a hundred times at most.
    const start = polls.length
    const begun = performance.now()
    await until(() => performance.now() - begun > 1_000)
    const counts = new Map<string, number>()
    for (const { queue } of polls.slice(start)) counts.set(queue, (counts.get(queue) ?? 0) + 1)
    for (const [queue, times] of counts) expect(times, queue).toBeLessThan(150)
    const named = app.lines
      .filter(({ message }) => message?.includes('cannot be run'))
      .map(({ fields }) => fields.queue)
    expect(named.sort()).toEqual(['broken 3', 'children'])
    expect(await app.chancy.getQueues()).toHaveLength(columns.length + 2)
  })
})

describe('an outcome that the database refuses', () => {
  it('is saved as a failure with the reason, and those beside it as they are', async () => {
    const say = job({ name: 'say', maxAttempts: 3 }, ({ n }: { n: number }) => n)
    await using app = await startApp({ schema, jobs: say })
    await withClient(async (client) => {
      await client.query(`
        ALTER TABLE ${schema}.finished_jobs
          ADD CONSTRAINT no_sevens CHECK (result IS DISTINCT FROM '7'::jsonb) NOT VALID`)
    })
    try {
      const refs = await app.chancy.pushMany(
        Array.from({ length: 20 }, (_, n) => say.job.withArgs({ n })),
      )
      await app.start()
      const done = await app.chancy.waitForJobs(refs)
      for (const [n, one] of done.entries()) {
        if (n !== 7) expect(one).toMatchObject({ state: 'succeeded', result: n, attempts: 1 })
      }
      expect(done[7]).toMatchObject({
        state: 'failed',
        attempts: 1,
        result: null,
        errors: [{ kind: 'not-saved', message: expect.stringContaining('no_sevens') }],
      })
    } finally {
      await sql(schema, 'ALTER TABLE $schema.finished_jobs DROP CONSTRAINT no_sevens')
    }
  })

  it('in every form is not run again and again by the same worker', async () => {
    const never = job({ name: 'never' }, () => 'x')
    await using app = await startApp({ schema, jobs: never })
    const runs = app.all('job.started')
    await sql(
      schema,
      `ALTER TABLE $schema.finished_jobs ADD CONSTRAINT no_never CHECK (name <> 'never') NOT VALID`,
    )
    try {
      await app.start()
      await app.chancy.push(never)
      await until(() => app.lines.some(({ message }) => message?.includes('was not recorded')))
      // A pass of the claim reconciler: it finds the jobs that this worker does not know.
      await app.next('claims.reconciled')
      expect(runs).toHaveLength(1)
    } finally {
      await sql(schema, 'ALTER TABLE $schema.finished_jobs DROP CONSTRAINT no_never')
    }
  })

  it('because a cancel came between two of its statements is cancelled', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using app = await startApp({ schema, jobs: ok })
    await using other = await startApp({ schema })
    await withClient(async (client) => {
      await client.query(`
        CREATE OR REPLACE FUNCTION ${schema}.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN PERFORM pg_advisory_xact_lock_shared(${LOCK}); RETURN NEW; END';
        CREATE TRIGGER wait_for_test BEFORE INSERT ON ${schema}.finished_jobs
          FOR EACH ROW EXECUTE FUNCTION ${schema}.wait_for_test()`)
      try {
        await client.query(`SELECT pg_advisory_lock(${LOCK})`)
        await app.start()
        const refs = await app.chancy.pushMany([ok, ok, ok])
        await until(
          async () =>
            (await sql(schema, `SELECT 1 FROM pg_locks WHERE NOT granted AND objid = ${LOCK}`))
              .length > 0,
        )
        expect(await other.chancy.cancel(refs[1]!)).toBe('requested')
        await client.query(`SELECT pg_advisory_unlock(${LOCK})`)
        const done = await app.chancy.waitForJobs(refs)
        expect(done.map(({ state }) => state)).toEqual(['succeeded', 'cancelled', 'succeeded'])
        const history = await sql(schema, 'SELECT count(*)::int FROM $schema.finished_jobs')
        expect(history).toEqual([{ count: 3 }])
      } finally {
        await client.query(`DROP TRIGGER wait_for_test ON ${schema}.finished_jobs`)
      }
    })
  })
})

/** An advisory lock of this file's own. */
const LOCK = 912_774
