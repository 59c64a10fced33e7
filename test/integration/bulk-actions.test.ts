import { Chancy, Job, job, rule, Worker } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, prepareSchema, testSchema, withClient } from '../support/database.ts'

const schema = testSchema()
let chancy: Chancy

beforeAll(async () => {
  await prepareSchema(schema)
  chancy = new Chancy(databaseUrl(schema), { schema })
})
afterAll(() => chancy.close())

const many = (count: number, queue: string, make = (one: Job<unknown, object, object>) => one) =>
  chancy.pushMany(
    Array.from({ length: count }, (_, n) =>
      make(Job.named('one', { args: { n } }).withQueue(queue)),
    ),
  )
const statesOf = async (queue: string): Promise<Record<string, number>> => {
  const text = `SELECT state, count(*)::int AS jobs FROM ${schema}.all_jobs WHERE queue = $1 GROUP BY 1`
  const { rows } = await withClient((client) => client.query(text, [queue]))
  return Object.fromEntries(
    (rows as { state: string; jobs: number }[]).map(({ state, jobs }) => [state, jobs]),
  )
}

describe('cancelAll', () => {
  it('cancels what fits the filter, over several batches, and nothing else', async () => {
    await many(2_500, 'a')
    await many(3, 'b')
    expect(await chancy.cancelAll({ queue: 'a' }, { dryRun: true })).toMatchObject({
      ...{ matched: 2_500, cancelled: 0 },
    })
    expect(await statesOf('a')).toEqual({ pending: 2_500 })
    const seen: number[] = []
    const counts = await chancy.cancelAll(
      { queue: 'a' },
      { onProgress: ({ cancelled }) => seen.push(cancelled) },
    )
    expect(counts).toEqual({ matched: 2_500, cancelled: 2_500, requested: 0, finished: 0 })
    expect(seen).toEqual([1_000, 2_000, 2_500])
    expect(await statesOf('a')).toEqual({ cancelled: 2_500 })
    expect(await statesOf('b')).toEqual({ pending: 3 })
    const [last] = await chancy.listJobs({ queue: 'a', limit: 1 })
    expect(last).toMatchObject({ state: 'cancelled', errors: [{ kind: 'cancelled' }] })
  })

  it('takes a rule beside queue, name and state, and refuses none of them', async () => {
    const where = rule.priority.gt(3).and(rule.meta('tenant').eq('acme'))
    await many(2, 'c', (one) => one.withPriority(5).withMeta({ tenant: 'acme' }))
    await many(2, 'c', (one) => one.withPriority(5))
    expect(await chancy.cancelAll({ where, queue: 'c', name: 'one' })).toMatchObject({
      cancelled: 2,
    })
    expect(await statesOf('c')).toEqual({ cancelled: 2, pending: 2 })
    await expect(chancy.cancelAll({})).rejects.toThrow(
      /at least one of queue, name, state and where/,
    )
    await expect(chancy.cancelAll({ queue: 'c' }, { dryRun: 1 as never })).rejects.toThrow(/dryRun/)
  })

  it('asks running jobs to stop, and makes the next of a group ready', async () => {
    const hold = job(
      { name: 'hold', queue: 'd', concurrency: { max: 1 } },
      (_, context) => new Promise((resolve) => context.signal.addEventListener('abort', resolve)),
    )
    await using app = new Chancy(databaseUrl(schema), { schema, jobs: [hold] })
    await using worker = new Worker(app, { signals: false, queues: ['d'] })
    await worker.start()
    const [first, second, third] = [
      await app.push(hold),
      await app.push(hold),
      await app.push(hold),
    ]
    await app.waitForJob(first, { states: ['running'] })
    const where = rule.state.ne('running')
    expect(await chancy.cancelAll({ queue: 'd', where })).toMatchObject({ cancelled: 2 })
    expect(await app.waitForJobs([second, third])).toMatchObject([
      ...[{ state: 'cancelled' }, { state: 'cancelled' }],
    ])
    const next = await app.push(hold)
    expect(await chancy.cancelAll({ queue: 'd', state: 'running' })).toMatchObject({
      ...{ matched: 1, requested: 1, cancelled: 0 },
    })
    expect((await app.waitForJob(first)).state).toBe('cancelled')
    await app.waitForJob(next, { states: ['running'] })
    await chancy.cancelAll({ queue: 'd' })
    await app.waitForJob(next)
  })

  it('waits for a job that another transaction holds after all others of its batch', async () => {
    const refs = await many(20, 'e')
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT FROM ${schema}.jobs WHERE id = $1 FOR UPDATE`, [refs[3]?.id])
      const cancelling = chancy.cancelAll({ queue: 'e' })
      await expect.poll(() => statesOf('e')).toEqual({ cancelled: 19, pending: 1 })
      await client.query('COMMIT')
      expect(await cancelling).toMatchObject({ matched: 20, cancelled: 20 })
    })
  })

  it('ends between two batches when its signal aborts', async () => {
    await many(1_500, 'f')
    const ending = new AbortController()
    const reason = new Error('enough')
    const cancelling = chancy.cancelAll(
      { queue: 'f' },
      { signal: ending.signal, onProgress: () => ending.abort(reason) },
    )
    await expect(cancelling).rejects.toBe(reason)
    expect(await statesOf('f')).toEqual({ cancelled: 1_000, pending: 500 })
  })
})

describe('retryAll', () => {
  it('puts what fits back to waiting in the order of the pushes, scheduled jobs to their time', async () => {
    const at = new Date('2100-01-01T00:00:00Z')
    await many(1_200, 'g')
    await many(2, 'g', (one) => one.withScheduledAt(at))
    await chancy.cancelAll({ queue: 'g' })
    const dry = await chancy.retryAll({ queue: 'g' }, { dryRun: true })
    expect(dry).toEqual({ matched: 1_202, retried: 0, refused: 0 })
    expect(await chancy.retryAll({ queue: 'g', state: 'cancelled' })).toEqual({
      ...{ matched: 1_202, retried: 1_202, refused: 0 },
    })
    expect(await statesOf('g')).toEqual({ pending: 1_202 })
    const text = `SELECT array_agg((args ->> 'n')::int ORDER BY position) AS n,
                         count(*) FILTER (WHERE position IS NULL AND run_at = $1)::int AS later
                    FROM ${schema}.jobs WHERE queue = 'g'`
    const { rows } = await withClient((client) => client.query(text, [at]))
    const { n, later } = rows[0] as { n: number[]; later: number }
    expect(n.slice(0, 1_200)).toEqual(Array.from({ length: 1_200 }, (_, one) => one))
    expect(later).toBe(2)
  })

  it('leaves a job whose unique key another one has, and retries the others with a key', async () => {
    const keyed = (key: string) => Job.named('one').withQueue('h').withUniqueKey(key)
    await chancy.pushMany([keyed('x'), keyed('y')])
    await chancy.cancelAll({ queue: 'h' })
    await chancy.push(keyed('x'))
    expect(await chancy.retryAll({ queue: 'h' })).toEqual({ matched: 2, retried: 1, refused: 1 })
    expect(await statesOf('h')).toEqual({ pending: 2, cancelled: 1 })
  })

  it('retries nothing that waits or has succeeded', async () => {
    await expect(chancy.retryAll({ state: 'succeeded' })).rejects.toThrow(/state/)
    expect(await chancy.retryAll({ queue: 'b' })).toMatchObject({ matched: 0 })
  })
})
