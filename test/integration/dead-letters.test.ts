import { type DeadLetter, DiscardJob, defineJob, job, Limit, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { isPush, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const review = job({ name: 'review', queue: 'reviews', priority: 3 }, (letter: DeadLetter) => {
  return letter.job.errors.length
})
interface Args {
  readonly how?: 'throw' | 'discard' | 'function' | 'slow' | 'not-storable' | 'refused'
}
const work = job(
  { name: 'work', deadLetter: review, backoff: 'none', limits: [Limit.time('300ms')] },
  async ({ how }: Args, { signal }) => {
    if (how === 'throw') throw new TypeError('no luck')
    if (how === 'discard') throw new DiscardJob('not wanted')
    if (how === 'function') return () => {}
    if (how === 'not-storable') return 1n as never
    if (how === 'refused') return '\u0000'
    if (how === 'slow') await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 'done'
  },
)

interface Letter extends Record<string, unknown> {
  readonly queue: string
  readonly priority: number
  readonly args: DeadLetter<Args>
}
const letters = (): Promise<Letter[]> =>
  app.sql<Letter>("SELECT queue, priority, args FROM $jobs WHERE name = 'review' ORDER BY id")
const inline = new Queue('default', { executor: 'inline' })

/** An application that runs `work`, and not its dead letters. */
async function running() {
  const chancy = app.chancy({ jobs: [work] })
  await chancy.declare(inline)
  return { chancy, worker: await app.worker(chancy, { queues: ['default'] }) }
}

describe('a dead letter', () => {
  it('is pushed when a job finally fails, by whatever way, and only then', async () => {
    const { chancy, worker } = await running()
    const ways = {
      throw: 'error',
      discard: 'discarded',
      slow: 'timeout',
      function: 'result-not-storable',
    }
    const refs = await chancy.pushMany(
      [...Object.keys(ways), 'not-storable'].map((how) => work.job.withArgs({ how: how as never })),
    )
    const fine = await chancy.push(work.job.withArgs({}))
    const cancelled = await chancy.push(work.job.withArgs({ how: 'throw' }).withDelay('1h'))
    expect(await chancy.cancel(cancelled)).toBe('cancelled')
    const done = await chancy.waitForJobs([...refs, fine])
    expect(done.map(({ state }) => state)).toEqual([...Array(5).fill('failed'), 'succeeded'])
    const made = await letters()
    expect(made.map(({ args }) => args.job.id).sort()).toEqual(refs.map(({ id }) => id).sort())
    for (const { queue, priority, args } of made) {
      expect({ queue, priority }).toEqual({ queue: 'reviews', priority: 3 })
      const { how } = args.job.args
      expect(args.job).toMatchObject({
        name: 'work',
        errors: [{ attempt: 1, kind: ways[how as keyof typeof ways] ?? 'result-not-storable' }],
      })
      expect(new Date(args.job.errors[0]!.at).getTime()).toBeGreaterThan(Date.now() - 60_000)
    }
    await worker.stop()
  })

  it('waits for the last attempt, and has the errors of all', async () => {
    const { chancy } = await running()
    const ref = await chancy.push(work.job.withArgs({ how: 'throw' }).withMaxAttempts(3))
    await chancy.waitForJob(ref)
    const [letter, ...more] = await letters()
    expect(more).toEqual([])
    expect(letter!.args.job.errors.map(({ attempt, message }) => [attempt, message])).toEqual([
      [1, 'no luck'],
      [2, 'no luck'],
      [3, 'no luck'],
    ])
  })

  it('is run like any job, by its own queue, and has none itself', async () => {
    const failing = job(
      { name: 'review', queue: 'reviews', deadLetter: review },
      ({ job }: { readonly job: { readonly name: string } }) => {
        throw new Error(`cannot review ${job.name}`)
      },
    )
    const chancy = app.chancy({
      jobs: [
        job({ name: 'bad', deadLetter: failing }, () => {
          throw new Error('bad')
        }),
        failing,
      ],
    })
    for (const name of ['default', 'reviews'])
      await chancy.declare(new Queue(name, { executor: 'inline' }))
    await app.worker(chancy)
    const bad = job({ name: 'bad', deadLetter: failing }, () => {})
    await chancy.waitForJob(await chancy.push(bad))
    const found = await until(async () => {
      const [one] = await chancy.listJobs({ name: 'review', state: 'failed' })
      return one
    })
    expect(found.errors[0]).toMatchObject({ message: 'cannot review bad' })
    expect(await app.count()).toBe(2)
  })

  it('of a job whose workers were lost is pushed by the recovery, once', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(work.job.withArgs({ how: 'slow' }))
    for (let loss = 1; loss <= 3; loss++) {
      expect(await letters()).toEqual([])
      await app.sql(
        `INSERT INTO $claims (worker_id, claim_seq, ids) VALUES ('${LOST}', ${loss}, '{${ref.id}}')`,
      )
      await app.sql(`UPDATE $jobs SET state = 'running', worker_id = '${LOST}', attempts = 1, fence = fence + 1,
                            position = coalesce(position, 1)`)
      await app.sql('SELECT * FROM $recover_1(10, 3, 0)')
    }
    const [letter, ...more] = await letters()
    expect(more).toEqual([])
    expect(letter!.args.job).toMatchObject({
      id: ref.id,
      args: { how: 'slow' },
      errors: [{ kind: 'crash' }],
    })
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'failed' })
    expect(await app.sql('SELECT * FROM $recover_1(10, 3, 0)')).toEqual([])
    expect(await letters()).toHaveLength(1)
  })

  it('of a row that cannot be run has the arguments that a job can have, else null', async () => {
    const { chancy } = await running()
    const refs = await chancy.pushMany([
      work.job.withArgs({}).withDelay('1h'),
      work.job.withArgs({}).withDelay('1h'),
    ])
    let deep: object = {}
    for (let level = 1; level < 98; level++) deep = { deep }
    await app.sql('UPDATE $jobs SET args = $1 WHERE id = $2', [
      JSON.stringify({ how: 'throw', deep }),
      refs[0]!.id,
    ])
    await app.sql("UPDATE $jobs SET args = '7' WHERE id = $1", [refs[1]!.id])
    await app.sql('UPDATE $jobs SET run_at = now()')
    expect((await chancy.waitForJob(refs[1]!)).state).toBe('failed')
    await chancy.waitForJob(refs[0]!)
    expect((await letters()).map(({ args }) => args.job.args)).toEqual(
      expect.arrayContaining([7, null]),
    )
  })

  it('is the only one after a finish whose reply was lost, and comes again after a retry', async () => {
    const proxy = await startProxy(databaseUrl(app.schema))
    try {
      const chancy = app.chancy({ jobs: [work], notifications: false }, proxy.url)
      await chancy.declare(inline)
      const worker = await app.worker(chancy, { queues: ['default'] })
      const fault = proxy.cutReplies((text) => text.includes('"finish_2"'))
      const ref = await app.chancy().push(work.job.withArgs({ how: 'throw' }))
      await fault.hit
      await app.chancy().waitForJob(ref)
      expect(await letters()).toHaveLength(1)
      await chancy.retry(ref)
      await until(async () => (await letters()).length === 2)
      expect(await chancy.retryAll({ name: 'work' })).toMatchObject({ retried: 1 })
      await until(async () => (await letters()).length === 3)
      expect((await letters())[2]!.args.job.errors).toHaveLength(3)
      await worker.stop()
    } finally {
      await proxy.close()
    }
  })

  it('belongs to the job however it was pushed', async () => {
    const defined = defineJob<Args>({ name: 'work', deadLetter: review })
    const chancy = app.chancy()
    const client = await app.client()
    await client.query('BEGIN')
    await chancy.push(defined.job.withArgs({}), { session: client })
    await client.query('COMMIT')
    await chancy.push(work.job.withArgs({}).withUniqueKey('k'))
    await chancy.push(work.job.withArgs({}).withUniqueKey('k', { whenTaken: 'replace' }))
    await chancy.push(work.job.withArgs({}).withConcurrency(1))
    await chancy.pushMany([work.job.withArgs({}).withMeta({ trace: null }), work.job.withArgs({})])
    const rows = await app.sql(
      "SELECT extras->'dead_letter' AS letter, meta FROM $jobs ORDER BY id",
    )
    expect(rows.map(({ letter }) => letter)).toEqual(
      Array(5).fill({ name: 'review', queue: 'reviews', priority: 3, max_attempts: 1 }),
    )
    expect(rows[3]!.meta).toEqual({ trace: null })
    expect(isPush('."push_1"')).toBe(true)
  })
})

const LOST = '00000000-0000-7000-8000-000000000001'
