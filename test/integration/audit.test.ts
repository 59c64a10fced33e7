import { type ActionOptions, Chancy, Job, Queue } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, prepareSchema, testSchema, withClient } from '../support/database.ts'

const schema = testSchema()
const ada: ActionOptions = {
  actor: { id: 'u1', name: 'ada@example.com' },
  reason: 'the provider is down',
  address: '10.0.0.7',
  requestId: '0198a000-0000-7000-8000-000000000001',
}
let chancy: Chancy

beforeAll(async () => {
  await prepareSchema(schema)
  chancy = new Chancy(databaseUrl(schema), { schema })
  await chancy.declare(new Queue('mail', { executor: 'inline' }))
})
afterAll(() => chancy.close())

const push = (queue = 'mail') => chancy.push(Job.named('one').withQueue(queue))

describe('The audit log', () => {
  it('has who paused a queue, why, from where, and the queue before and after', async () => {
    await chancy.pauseQueue('mail', ada)
    await chancy.resumeQueue('mail', { actor: { id: 'u2' } })
    const { items } = await chancy.audit.list({ target: 'queue:mail' })
    expect(items).toMatchObject([
      { verb: 'queues.resume', actor: { id: 'u2' }, reason: null, outcome: 'done' },
      {
        ...{ verb: 'queues.pause', actor: ada.actor, reason: ada.reason, outcome: 'done' },
        ...{ address: '10.0.0.7', requestId: ada.requestId },
        before: { name: 'mail', state: 'active' },
        after: { name: 'mail', state: 'paused' },
      },
    ])
  })

  it('has a row for each action on a job, and none for a call without an actor or a reason', async () => {
    const [plain, cancelled] = [await push(), await push()]
    expect(await chancy.cancel(plain)).toBe('cancelled')
    expect(await chancy.cancel(cancelled, ada)).toBe('cancelled')
    await chancy.retry(cancelled, { reason: 'it was the wrong one' })
    expect((await chancy.audit.list({ target: `job:${plain}` })).items).toEqual([])
    expect((await chancy.audit.list({ target: `job:${cancelled}` })).items).toMatchObject([
      { verb: 'jobs.retry', actor: null, reason: 'it was the wrong one', jobs: 1 },
      { verb: 'jobs.cancel', actor: ada.actor, after: { verdict: 'cancelled' }, jobs: 1 },
    ])
  })

  it('says that an action was refused, with the code of its error', async () => {
    const refused = new Promise((resolve) => chancy.on('action.refused', resolve))
    const waiting = await push()
    await expect(chancy.retry(waiting, ada)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
    await expect(chancy.deleteQueue('nowhere', ada)).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    })
    const { items } = await chancy.audit.list({ outcome: 'refused', actor: 'u1' })
    expect(items).toMatchObject([
      { verb: 'queues.delete', target: 'queue:nowhere', code: 'QUEUE_NOT_FOUND' },
      { verb: 'jobs.retry', target: `job:${waiting}`, code: 'JOB_STATE_CONFLICT' },
    ])
    expect(await refused).toMatchObject({ verb: 'jobs.retry', code: 'JOB_STATE_CONFLICT' })
  })

  it('has nothing of an action whose row cannot be written: both are one transaction', async () => {
    const job = await push()
    await withClient((client) =>
      client.query(
        `ALTER TABLE ${schema}.audit ADD CONSTRAINT not_now CHECK (reason <> 'not now') NOT VALID`,
      ),
    )
    await expect(chancy.cancel(job, { reason: 'not now' })).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
    })
    expect((await chancy.getJob(job))?.state).toBe('pending')
    await withClient((client) =>
      client.query(`ALTER TABLE ${schema}.audit DROP CONSTRAINT not_now`),
    )
  })

  it('is read by pages, newest first, by verb, actor and time', async () => {
    await chancy.audit.record({ verb: 'orders.refund', target: 'order:7', ...ada })
    const first = await chancy.audit.list({ limit: 2 })
    const second = await chancy.audit.list({ limit: 2, cursor: first.next ?? '' })
    const all = await chancy.audit.list({ limit: 100 })
    expect([...first.items, ...second.items]).toEqual(all.items.slice(0, 4))
    expect(all.next).toBeNull()
    expect((await chancy.audit.list({ verb: 'queues.*' })).items.length).toBe(3)
    expect((await chancy.audit.list({ since: new Date(Date.now() + 3_600_000) })).items).toEqual([])
    await expect(chancy.audit.list({ limit: 0 })).rejects.toThrow(/limit/)
    await expect(chancy.audit.record({ verb: '' })).rejects.toThrow(/verb/)
  })

  it('refuses an actor, an address and a reason that it cannot keep, and does nothing', async () => {
    const job = await push()
    for (const wrong of [
      { actor: { id: '' } },
      { actor: 'ada' as never },
      { address: 'localhost' },
      { requestId: '7' },
      { reason: 'x'.repeat(1_001) },
    ]) {
      await expect(async () => chancy.cancel(job, wrong)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
    }
    expect((await chancy.getJob(job))?.state).toBe('pending')
  })
})

it('Rows of the audit log go after 400 days, and by no call before 30', async () => {
  await withClient(async (client) => {
    await client.query(
      `UPDATE ${schema}.audit SET at = now() - interval '401 days' WHERE verb = 'queues.pause';
       UPDATE ${schema}.audit SET at = now() - interval '29 days' WHERE verb = 'queues.resume'`,
    )
    const { rows } = await client.query(`SELECT ${schema}.prune_audit_1(0, 100) AS removed`)
    expect(rows).toEqual([{ removed: 1 }])
  })
  expect((await chancy.audit.list({ verb: 'queues.pause' })).items).toEqual([])
  expect((await chancy.audit.list({ verb: 'queues.resume' })).items.length).toBe(1)
})

describe('getGroups', () => {
  it('counts what is blocked in each group, by key', async () => {
    for (const key of ['a', 'b', 'b', 'b'])
      await chancy.push(
        Job.named('one')
          .withConcurrency(1, () => key)
          .withQueue('grouped'),
      )
    const page = await chancy.getGroups({ limit: 1 })
    expect(page).toMatchObject({ items: [{ key: expect.stringContaining('a'), max: 1 }] })
    const next = await chancy.getGroups({ cursor: page.next ?? '' })
    expect(next).toMatchObject({ items: [{ running: 0, blocked: 0, hasMore: false }], next: null })
    expect((await chancy.getGroups({ prefix: 'one' })).items.length).toBe(2)
    const [first, second] = (await chancy.getGroups()).items
    expect((await chancy.getGroups({ prefix: second?.key })).items).toEqual([second])
    expect((await chancy.getGroups({ prefix: `${first?.key}x` })).items).toEqual([])
    await withClient((client) =>
      client.query(
        `UPDATE ${schema}.jobs SET state = 'running', claim_seq = 7, started_at = now() WHERE concurrency_key = $1`,
        [first?.key],
      ),
    )
    const [held, free] = (await chancy.getGroups()).items
    expect(held).toMatchObject({ running: 1, holders: [{ name: 'one', queue: 'grouped' }] })
    expect(await chancy.getGroup(first?.key ?? '')).toEqual(held)
    expect(free?.holders).toEqual([])
    expect(await chancy.getGroup('nothing')).toBeNull()
    expect(await chancy.getGroup(next.items[0]?.key ?? '')).toMatchObject({ holders: [] })
  })
})
