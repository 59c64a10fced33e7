import { job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'

const app = testApplication()
const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)

const push = async (call: string): Promise<string> => {
  const [row] = await app.sql<{ id: string }>(`SELECT $push(${call})::text AS id`)
  return row!.id
}

describe('push in SQL', () => {
  it('stores a job with the defaults', async () => {
    const id = await push(`'greet', args => '{"name":"Ada"}'`)
    expect(await app.chancy().getJob(id)).toMatchObject({
      id,
      name: 'greet',
      queue: 'default',
      args: { name: 'Ada' },
      state: 'pending',
      priority: 0,
      maxAttempts: null,
      scheduledAt: null,
      uniqueKey: null,
      meta: {},
    })
  })

  it('stores every option', async () => {
    const id = await push(`'greet', '{}', queue => 'mail', priority => 7, max_attempts => 3,
      scheduled_at => '2100-01-02T03:04:05.678Z', unique_key => 'k', meta => '{"a":[1]}'`)
    expect(await app.chancy().getJob(id)).toMatchObject({
      queue: 'mail',
      priority: 7,
      maxAttempts: 3,
      scheduledAt: new Date('2100-01-02T03:04:05.678Z'),
      uniqueKey: 'k',
      meta: { a: [1] },
    })
  })

  it('makes ids that sort by time, of version 7', async () => {
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ids.push(await push("'greet'"))
      await app.sql('SELECT pg_sleep(0.002)')
    }
    expect([...ids].sort()).toEqual(ids)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/)
    const ms = Number.parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)
    expect(Math.abs(Date.now() - ms)).toBeLessThan(60_000)
  })

  it('gives the id of the job that has the unique key', async () => {
    const first = await push("'greet', unique_key => 'k'")
    expect(await push("'other', unique_key => 'k'")).toBe(first)
    expect(
      await app.chancy().push(greet.job.withArgs({ name: '' }).withUniqueKey('k')),
    ).toMatchObject({ id: first, created: false })
    expect(await app.count()).toBe(1)
  })

  it('is a part of its transaction', async () => {
    const client = await app.client()
    await client.query('BEGIN')
    await client.query(`SELECT ${app.schema}.push('greet')`)
    expect(await app.count()).toBe(0)
    await client.query('ROLLBACK')
    expect(await app.count()).toBe(0)
  })

  it('wakes a worker, for a job of now and for one of soon', async () => {
    const chancy = app.chancy({ jobs: [greet] })
    await app.worker(chancy)
    await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }), {
      upsert: true,
    })
    const args = `args => '{"name":"Ada"}'`
    const now = await push(`'greet', ${args}`)
    expect(await chancy.waitForJob(now, { timeout: '40s' })).toMatchObject({
      result: 'Hello, Ada!',
    })
    const soon = await push(`'greet', ${args}, scheduled_at => now() + interval '200 ms'`)
    expect(await chancy.waitForJob(soon, { timeout: '40s' })).toMatchObject({ state: 'succeeded' })
  })

  it.each([
    ['no name', 'NULL', /job name has 1 to 200 bytes/],
    ['an empty name', "''", /job name has 1 to 200 bytes/],
    ['a name with a colon', "'a:b'", /no colon, got 'a:b'/],
    ['a name that is too long', "repeat('ü', 101)", /job name has 1 to 200 bytes/],
    ['a queue name that is too long', "'a', queue => repeat('x', 201)", /queue name has 1 to 200/],
    ['no queue', "'a', queue => NULL", /queue name has 1 to 200/],
    ['arguments that are no object', "'a', args => '[1]'", /JSON object/],
    ['no arguments', "'a', args => NULL", /JSON object/],
    [
      'arguments over a megabyte',
      "'a', args => jsonb_build_object('a', repeat('x', 1048576))",
      /at most 1 MiB/,
    ],
    ['no priority', "'a', priority => NULL", /priority of a job is a number/],
    ['no attempts', "'a', max_attempts => 0", /attempts are/],
    ['too many attempts', "'a', max_attempts => 1000001", /attempts are/],
    ['an empty unique key', "'a', unique_key => ''", /unique key has 1 to 1000 bytes/],
    [
      'a unique key that is too long',
      "'a', unique_key => repeat('x', 1001)",
      /unique key has 1 to/,
    ],
    ['meta that is no object', "'a', meta => '[1]'", /meta of a job is a JSON object/],
    [
      'meta over 64 KiB',
      "'a', meta => jsonb_build_object('a', repeat('x', 65536))",
      /at most 64 KiB/,
    ],
    ['a time that never comes', "'a', scheduled_at => 'infinity'", /time of a job/],
  ])('refuses %s', async (_what, call, message) => {
    const failed = push(call)
    await expect(failed).rejects.toThrow(message)
    await expect(failed).rejects.toMatchObject({ code: '22023' })
    expect(await app.count()).toBe(0)
  })
})

describe('the view all_jobs', () => {
  it('shows a job before and after it has finished, once', async () => {
    const chancy = app.chancy({ jobs: [greet] })
    const ref = await chancy.push(greet.job.withArgs({ name: 'Ada' }).withMeta({ a: 1 }))
    const select = `SELECT id::text AS id, state, args, meta, result, finished_at IS NOT NULL AS over
      FROM $all_jobs`
    const row = { id: ref.id, args: { name: 'Ada' }, meta: { a: 1 } }
    expect(await app.sql(select)).toEqual([{ ...row, state: 'pending', result: null, over: false }])
    await app.worker(chancy)
    await chancy.waitForJob(ref)
    expect(await app.sql(select)).toEqual([
      { ...row, state: 'succeeded', result: 'Hello, Ada!', over: true },
    ])
  })
})
