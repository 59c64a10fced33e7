import { job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

const shared = job({ name: 'shared' }, () => 'done')
const added = job({ name: 'added' }, ({ n }: { n: number }) => n)

describe('a name that a worker does not know', () => {
  it('is left for one that does: neither failed nor dropped, no attempt used', async () => {
    await using old = await startApp({ schema, jobs: shared })
    await old.start()
    const refs = await old.chancy.pushMany(
      Array.from({ length: 20 }, (_, n) => added.job.withArgs({ n })),
    )
    await until(async () => {
      const [row] = await sql<{ count: number }>(
        schema,
        'SELECT count(*)::int FROM $schema.jobs WHERE parked',
      )
      return row?.count === 20
    })
    const listed = await old.chancy.listJobs({ name: 'added', state: 'pending' })
    expect(listed).toHaveLength(20)
    for (const one of listed)
      expect(one).toMatchObject({ attempts: 0, errors: [], startedAt: null })

    // The new version starts beside the old one and claims what was parked without a notification.
    await using next = await startApp({ schema, jobs: [shared, added] })
    await next.start()
    const done = await next.chancy.waitForJobs(refs)
    expect(done.map(({ result }) => result)).toEqual(refs.map((_, n) => n))
    for (const one of done) expect(one).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  it('keeps its order and priority when a worker has its function', async () => {
    await using old = await startApp({ schema, jobs: shared })
    const order: number[] = []
    const noted = job({ name: 'added' }, ({ n }: { n: number }) => void order.push(n))
    await using next = await startApp({ schema, jobs: noted })
    await old.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1 }))
    const worker = await old.start()
    const refs = await old.chancy.pushMany(
      [0, 3, 3, 1].map((priority, n) => added.job.withArgs({ n }).withPriority(priority)),
    )
    await until(
      async () => (await sql(schema, 'SELECT 1 FROM $schema.jobs WHERE parked')).length === 4,
    )
    await worker.stop()
    await next.start()
    await next.chancy.waitForJobs(refs)
    expect(order).toEqual([1, 2, 3, 0])
  })

  it('does not slow the others, though a hundred thousand are first in the line', async () => {
    await using old = await startApp({ schema, jobs: shared })
    const { chancy } = old
    await sql(
      schema,
      `INSERT INTO $schema.jobs (id, queue, name, seq, position)
       SELECT gen_random_uuid(), 'default', 'name' || (n % 7), n, n
         FROM (SELECT nextval('$schema.positions') AS n FROM generate_series(1, 100000)) line`,
    )
    const polls = old.all('queue.polled')
    await old.start()
    const first = await chancy.push(shared)
    expect(await chancy.waitForJob(first)).toMatchObject({ state: 'succeeded' })
    // The head was cleared in steps that are far larger than the room of a claim.
    // The last of them by a claim that was under way with the one of the job.
    const parked = 'SELECT count(*)::int FROM $schema.jobs WHERE parked AND position IS NULL'
    await until(async () => (await sql<{ count: number }>(schema, parked))[0]?.count === 100_000)
    await chancy.waitForJob(await chancy.push(shared))
    const cleared = polls.length
    expect(cleared).toBeLessThan(120)

    // From here on no claim scans any of them.
    const refs = []
    for (let i = 0; i < 30; i++) refs.push(await chancy.push(shared))
    await chancy.waitForJobs(refs)
    const later = polls.slice(cleared)
    const scanned = later.reduce((sum, poll) => sum + poll.scanned, 0)
    const claimed = later.reduce((sum, poll) => sum + poll.claimed, 0)
    expect(claimed).toBe(30)
    expect(scanned).toBe(30)
    // All of them are still there.
    expect(await sql(schema, parked)).toEqual([{ count: 100_000 }])
    const [oldest] = await chancy.listJobs({ name: 'name3', limit: 1 })
    expect(oldest).toMatchObject({ state: 'pending', attempts: 0 })
  })
})
