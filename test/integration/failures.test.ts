import { job, Queue } from 'chancy'
import { pluginAccess } from 'chancy/plugin'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const fails = job({ name: 'fails', maxAttempts: 1 }, ({ n }: { n: number }) => {
  throw new Error(`Order ${n} was not found`)
})
const other = job({ name: 'other', maxAttempts: 1 }, () => {
  throw new TypeError('boom')
})
let app: TestApp

beforeAll(async () => {
  app = await startApp({ schema, jobs: [fails, other] })
  for (const name of ['default', 'mail'])
    await app.chancy.declare(new Queue(name, { executor: 'inline' }))
  await app.start({ version: 'v2.4.1' })
})
afterAll(() => app[Symbol.asyncDispose]())

/** Ends the wait of a loop of the plugin, and resolves when a pass that began after that is over. */
const passed = async (loop: string): Promise<void> => {
  const next = app.next(
    'plugin.passed',
    (one) => one.plugin === 'chancy.failures' && one.loop === loop && one.isWoken,
  )
  await pluginAccess(app.chancy, 'chancy.failures').wake(loop)
  expect((await next).error).toBeNull()
}
/** Resolves when this many failures are in the tables: a wait for a job may end before its worker has counted it. */
const flushed = (failures: number) =>
  until(async () => {
    await passed('flush')
    const { items } = await app.chancy.failures.list()
    return items.reduce((sum, { total }) => sum + total, 0) === failures
  })

describe('Groups of failures', () => {
  it('have what is alike, with when, how often, where and since which version', async () => {
    const refs = await app.chancy.pushMany([
      ...[1, 2, 3].map((n) => fails.job.withArgs({ n })),
      fails.job.withArgs({ n: 4 }).withQueue('mail'),
    ])
    const ended = [
      ...(await app.chancy.waitForJobs(refs)),
      await app.chancy.waitForJob(await app.chancy.push(other)),
    ]
    await flushed(5)
    const { items } = await app.chancy.failures.list({ order: 'most' })
    expect(items).toMatchObject([
      {
        ...{ name: 'fails', kind: 'error', error: 'Error', total: 4, state: 'open', again: 0 },
        ...{ isNew: true, firstVersion: 'v2.4.1', lastVersion: 'v2.4.1' },
        fingerprint: ended[0]?.errors[0]?.fingerprint,
        message: expect.stringMatching(/^Order \d was not found$/),
        frames: expect.arrayContaining([expect.stringContaining('failures.test.ts')]),
      },
      { name: 'other', error: 'TypeError', total: 1 },
    ])
    const [group] = items
    expect(group?.hours.reduce((sum, one) => sum + one.failures, 0)).toBe(4)
    expect([...(group?.samples ?? [])].sort()).toEqual(refs.map(String).sort())
    const details = await app.chancy.failures.get(group?.fingerprint ?? '')
    expect(details?.queues).toEqual([
      { queue: 'default', failures: 3 },
      { queue: 'mail', failures: 1 },
    ])
    expect(await app.chancy.failures.count()).toEqual({ open: 2, muted: 0, resolved: 0, new: 2 })
  })

  it('are muted, opened and resolved, each in the audit log, and come back as "again"', async () => {
    const { failures, audit } = app.chancy
    const [group] = (await failures.list({ name: 'other' })).items
    const fingerprint = group?.fingerprint ?? ''
    const actor = { id: 'u1', name: 'ada' }
    await failures.mute(fingerprint, { actor, reason: 'known' })
    expect(await failures.get(fingerprint)).toMatchObject({ state: 'muted', stateBy: 'ada' })
    expect((await failures.count()).new).toBe(1)
    await failures.unmute(fingerprint, { actor })
    await failures.note(fingerprint, 'see ticket 7', { actor })
    await failures.resolve(fingerprint, { actor })
    await app.chancy.waitForJob(await app.chancy.push(other))
    await flushed(6)
    expect(await failures.get(fingerprint)).toMatchObject({
      ...{ state: 'open', again: 1, total: 2, note: 'see ticket 7' },
    })
    const { items } = await audit.list({ target: `failure:${fingerprint}` })
    expect(items.map(({ verb }) => verb)).toEqual([
      ...['failures.resolve', 'failures.note', 'failures.unmute', 'failures.mute'],
    ])
    expect(items[3]).toMatchObject({ before: { state: 'open' }, after: { state: 'muted' }, actor })
  })

  it('stay resolved when what is written later failed earlier', async () => {
    const { failures } = app.chancy
    const [group] = (await failures.list({ name: 'other' })).items
    await failures.resolve(group?.fingerprint ?? '')
    const f = `(SELECT fingerprint FROM $schema.failures_groups WHERE name = 'other')`
    const entry = (last: string) => `
      SELECT $schema.failures_add_1(jsonb_build_array(jsonb_build_object(
        'f', ${f}, 'name', 'other', 'kind', 'error', 'error', 'TypeError', 'message', 'boom', 'frames', '[]'::jsonb,
        'first', ${last}, 'last', ${last}, 'n', 1, 'samples', '[]'::jsonb, 'hours', '[]'::jsonb)))`
    await sql(schema, entry('1000'))
    expect(await failures.get(group?.fingerprint ?? '')).toMatchObject({
      state: 'resolved',
      again: 1,
    })
    await sql(schema, entry(`extract(epoch FROM now() + interval '1 minute') * 1000`))
    expect(await failures.get(group?.fingerprint ?? '')).toMatchObject({ state: 'open', again: 2 })
  })

  it('are read by pages in each order, and what is not there is refused', async () => {
    const { failures } = app.chancy
    for (const order of ['last', 'most', 'new'] as const) {
      const all = await failures.list({ order })
      const first = await failures.list({ order, limit: 1 })
      const second = await failures.list({ order, limit: 1, cursor: first.next ?? '' })
      expect([...first.items, ...second.items]).toEqual(all.items)
      expect(second.next).toBeNull()
    }
    expect((await failures.list({ version: 'v2.4.1' })).items.length).toBe(2)
    expect((await failures.list({ kind: 'timeout' })).items).toEqual([])
    await expect(failures.list({ cursor: 'most:1:1' })).rejects.toThrow(/cursor/)
    expect(await failures.get('0000000000000000')).toBeNull()
    await expect(failures.mute('0000000000000000')).rejects.toMatchObject({
      code: 'FAILURE_NOT_FOUND',
    })
    await expect(failures.get('x')).rejects.toThrow(/16 hexadecimal digits/)
  })

  it('are at most 10,000: the oldest that were closed go, with hours of more than 30 days', async () => {
    await sql(
      schema,
      `INSERT INTO $schema.failures_groups (fingerprint, first_at, last_at, total, name, kind, error, message, frames, samples, state)
       SELECT n, now() - interval '9 days', now() - interval '9 days' - n * interval '1 s', 1, 'many', 'error', 'E', 'm', '{}', '{}',
              CASE WHEN n <= 100 THEN 'resolved' ELSE 'open' END
         FROM generate_series(1, 10048) AS n`,
    )
    await sql(
      schema,
      `INSERT INTO $schema.failures_hours (fingerprint, hour, queue, n)
       VALUES (200, now() - interval '31 days', 'q', 1), (200, now() - interval '1 day', 'q', 1), (100, now(), 'q', 1)`,
    )
    await passed('cleanup')
    const left = await sql(
      schema,
      `SELECT count(*)::int AS groups, (count(*) FILTER (WHERE state = 'resolved'))::int AS resolved,
              (SELECT json_agg(fingerprint ORDER BY fingerprint)::text FROM $schema.failures_hours WHERE queue = 'q') AS hours
         FROM $schema.failures_groups`,
    )
    expect(left).toEqual([{ groups: 10_000, resolved: 50, hours: '[200]' }])
  })
})
