import { grant, Job, job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { databaseUrl, withClient } from '../support/database.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const quick = job({ name: 'quick', queue: 'mail' }, () => 'done')
const fails = job({ name: 'fails', queue: 'mail', maxAttempts: 1 }, ({ ok }: { ok: boolean }) => {
  if (!ok) throw new Error('on purpose')
})
const waits = job({ name: 'waits', queue: 'mail' }, (_: object, { signal }) => {
  return new Promise((resolve) => signal.addEventListener('abort', resolve))
})
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
/** Nothing is found by polling: only a notification starts a job. */
const mail = new Queue('mail', { executor: 'inline', pollingInterval: '1h', concurrency: 10 })

const call = async (text: string): Promise<unknown> => {
  const [row] = await app.sql<{ said: unknown }>(`SELECT $${text} AS said`)
  return row?.said
}

async function running() {
  const chancy = app.chancy({ jobs: [quick, fails, waits], logger: quiet })
  await chancy.declare(mail, { upsert: true })
  const worker = await app.worker(chancy)
  return { chancy, worker }
}

describe('pause and resume in SQL', () => {
  it('stop and start a worker that does not poll', async () => {
    const { chancy } = await running()
    const changed = new Promise((resolve) => chancy.on('queue.changed', resolve))
    await call("pause('mail')")
    expect(await changed).toEqual({ queue: 'mail' })
    expect(await chancy.getQueue('mail')).toMatchObject({ state: 'paused', resumeAt: null })
    const ref = await chancy.push(quick.job)
    expect((await chancy.explain(ref)).reasons).toMatchObject([{ kind: 'queue-paused' }])
    await call("resume('mail')")
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
  })

  it('stand in the row of the queue as the calls of the library leave it', async () => {
    const chancy = app.chancy()
    await chancy.declare(mail)
    const resumeAt = new Date('2100-01-02T03:04:05.678Z')
    await call("pause('mail', resume_at => '2100-01-02T03:04:05.678Z')")
    const bySql = await app.sql('SELECT * FROM $queues')
    await chancy.resumeQueue('mail')
    await chancy.pauseQueue('mail', { resumeAt })
    expect(await app.sql('SELECT * FROM $queues')).toEqual(bySql)
    await call("resume('mail')")
    expect(await chancy.getQueue('mail')).toMatchObject({ state: 'active', resumeAt: null })
  })

  it.each([
    ["pause('nope')", /No queue is called 'nope'/, 'P0002'],
    ['pause(NULL)', /No queue is called NULL/, 'P0002'],
    ["resume('nope')", /No queue is called 'nope'/, 'P0002'],
    ["pause('mail', 'infinity')", /between 1970 and 9999, got infinity/, '22023'],
  ])('%s is refused', async (text, message, code) => {
    await expect(call(text)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      code,
    })
  })

  it('notify when their transaction commits, and not when it is rolled back', async () => {
    const { chancy } = await running()
    const client = await app.client()
    const changed: unknown[] = []
    chancy.on('queue.changed', (event) => changed.push(event))
    await client.query(`BEGIN; SELECT ${app.schema}.pause('mail'); ROLLBACK`)
    const ref = await chancy.push(quick.job)
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
    expect(changed).toEqual([])
  })
})

describe('cancel in SQL', () => {
  it('ends a waiting job, and says who waits for it', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(quick.job.withDelay('1h'))
    const ended = chancy.waitForJob(ref, { timeout: '20s' })
    await until(async () => (await app.sql('SELECT * FROM $waiters')).length === 1)
    expect(await call(`cancel('${ref.id}')`)).toBe('cancelled')
    expect(await ended).toMatchObject({ state: 'cancelled' })
    expect(await call(`cancel('${ref.id}')`)).toBe('finished')
    expect(await call("cancel('01900000-0000-7000-8000-000000000001')")).toBe('unknown')
  })

  it('stops a running job by its signal', async () => {
    const { chancy } = await running()
    const started = new Promise((resolve) => chancy.on('job.started', resolve))
    const ref = await chancy.push(waits.job)
    await started
    expect(await call(`cancel('${ref.id}')`)).toBe('requested')
    expect(await chancy.waitForJob(ref, { timeout: '20s' })).toMatchObject({ state: 'cancelled' })
  })

  it('leaves the slot of its group to the next job', async () => {
    const { chancy } = await running()
    await call("pause('mail')")
    const limited = quick.job.withConcurrency(1)
    const first = await chancy.push(limited)
    const second = await chancy.push(limited)
    expect(await call(`cancel('${first.id}')`)).toBe('cancelled')
    await call("resume('mail')")
    expect(await chancy.waitForJob(second, { timeout: '20s' })).toMatchObject({
      state: 'succeeded',
    })
  })

  it('takes many by a query', async () => {
    const chancy = app.chancy()
    await chancy.pushMany([quick.job, quick.job, fails.job.withArgs({ ok: true })])
    const said = await app.sql(
      "SELECT $cancel(id) AS said, count(*) OVER ()::int AS n FROM $all_jobs WHERE name = 'quick'",
    )
    expect(said).toEqual([
      { said: 'cancelled', n: 2 },
      { said: 'cancelled', n: 2 },
    ])
    expect(await chancy.listJobs({ state: 'pending' })).toMatchObject([{ name: 'fails' }])
  })
})

describe('retry in SQL', () => {
  it('runs a failed job again, by a worker that does not poll', async () => {
    const { chancy } = await running()
    const ref = await chancy.push(fails.job.withArgs({ ok: false }))
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'failed', attempts: 1 })
    await app.sql(`UPDATE $finished_jobs SET args = '{"ok": true}' WHERE id = '${ref.id}'`)
    expect(await call(`retry('${ref.id}')`)).toBe('retried')
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(await call(`retry('${ref.id}')`)).toBe('succeeded')
  })

  it('says what it finds, and waits again for a time that has not come', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(quick.job.withDelay('1h'))
    expect(await call(`retry('${ref.id}')`)).toBe('pending')
    await chancy.cancel(ref)
    expect(await call(`retry('${ref.id}')`)).toBe('scheduled')
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending' })
    expect(await call("retry('01900000-0000-7000-8000-000000000001')")).toBe('unknown')
  })

  it('is refused while another job has its unique key', async () => {
    const chancy = app.chancy()
    const keyed = Job.named('quick', { queue: 'mail' }).withUniqueKey('k').withDelay('1h')
    const first = await chancy.push(keyed)
    await chancy.cancel(first)
    await chancy.push(keyed)
    await expect(call(`retry('${first.id}')`)).rejects.toMatchObject({
      code: '23505',
      message: expect.stringContaining('another job that waits or runs has its unique key'),
      hint: 'Wait for that job, or cancel it.',
    })
    expect(await chancy.getJob(first)).toMatchObject({ state: 'cancelled' })
  })
})

it('each of them has a comment, and is called by an operator and by no other role without a right', async () => {
  const functions = ['push', 'new_id', 'pause', 'resume', 'cancel', 'retry', 'backlog']
  const rows = await app.sql<{ name: string; said: string | null }>(
    `SELECT proname AS name, obj_description(oid, 'pg_proc') AS said FROM pg_proc
      WHERE pronamespace = '${app.schema}'::regnamespace AND proname = ANY ($1)`,
    [functions],
  )
  expect(rows.map(({ name }) => name).sort()).toEqual([...functions].sort())
  for (const { said } of rows) expect(said).toMatch(/\.$/)
  const role = `sql_${app.schema}`

  const may = async (): Promise<string[]> => {
    const found = await app.sql<{ name: string }>(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = '${app.schema}'::regnamespace
          AND proname = ANY ($1) AND has_function_privilege('${role}', oid, 'EXECUTE')`,
      [functions],
    )
    return found.map(({ name }) => name).sort()
  }
  await withClient(async (client) => {
    await client.query(`CREATE ROLE ${role}`)
    try {
      expect(await may()).toEqual([])
      await grant(app.chancy(), 'reader', role)
      expect(await may()).toEqual(['backlog'])
      await grant(app.chancy(), 'operator', role)
      expect(await may()).toEqual(['backlog', 'cancel', 'pause', 'resume', 'retry'])
      await client.query(`SET ROLE ${role}`)
      await app.chancy().declare(mail)
      await client.query(`SELECT ${app.schema}.pause('mail'), ${app.schema}.resume('mail')`)
    } finally {
      await client.query(`RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  }, databaseUrl())
})
