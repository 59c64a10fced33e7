import { PGlite } from '@electric-sql/pglite'
import { Chancy, DiscardJob, job, pgliteDriver, Queue, Worker } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const double = job({ name: 'double' }, ({ n }: { n: number }) => n * 2)
let failures = 0
const flaky = job({ name: 'flaky', maxAttempts: 3, backoff: 'none' }, () => {
  if (++failures < 3) throw new Error('not yet')
  return failures
})
const useless = job({ name: 'useless', maxAttempts: 3 }, () => {
  throw new DiscardJob('no use')
})
const endless = job(
  { name: 'endless' },
  (_args, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
)

let attempts = 0
const book = job(
  { name: 'book', durable: true, maxAttempts: 3, backoff: 'none' },
  async (_: object, ctx) => {
    const attempt = ++attempts
    const booked = await ctx.transaction('book', db, async (tx) => {
      await tx.query('INSERT INTO bookings VALUES ($1)', [attempt])
      if (attempt === 1) throw new Error('rolled back on purpose')
      return attempt
    })
    if (attempt === 2) throw new Error('after the commit')
    return booked
  },
)

let db: PGlite
let chancy: Chancy
let worker: Worker

beforeAll(async () => {
  db = await PGlite.create()
  chancy = new Chancy(pgliteDriver(db), {
    schema: 'Lite "1',
    jobs: [double, flaky, useless, endless, book],
    pushDeadline: '1s',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  await chancy.migrate()
  await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
  worker = new Worker(chancy, { signals: false })
  await worker.start()
})
afterAll(async () => {
  await worker.stop()
  await chancy.close()
  await db.close()
})

describe('a worker on PGlite', () => {
  it('runs what is pushed, one by one and many', async () => {
    const ref = await chancy.push(double.job.withArgs({ n: 4 }))
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', result: 8 })
    const jobs = Array.from({ length: 300 }, (_, n) => double.job.withArgs({ n }))
    const done = await chancy.waitForJobs(await chancy.pushMany(jobs, { batchSize: 100 }))
    expect(done.map(({ result }) => result)).toEqual(jobs.map((_, n) => n * 2))
  })

  it('records a transaction of a durable job with its writes, once', async () => {
    await db.query('CREATE TABLE bookings (attempt int)')
    const done = await chancy.waitForJob(await chancy.push(book))
    expect(done).toMatchObject({ state: 'succeeded', result: 2 })
    expect(attempts).toBe(3)
    expect((await db.query('SELECT attempt FROM bookings')).rows).toEqual([{ attempt: 2 }])
  })

  it('retries, discards and schedules', async () => {
    const refs = [
      await chancy.push(flaky),
      await chancy.push(useless),
      await chancy.push(double.job.withArgs({ n: 1 }).withDelay('150ms')),
    ]
    const [retried, discarded, late] = await chancy.waitForJobs<unknown>(refs)
    expect(retried).toMatchObject({ state: 'succeeded', attempts: 3, result: 3 })
    expect(discarded).toMatchObject({ state: 'failed', errors: [{ kind: 'discarded' }] })
    expect(late!.startedAt!.getTime()).toBeGreaterThanOrEqual(late!.scheduledAt!.getTime())
  })

  it('wakes by the commit of a transaction of the caller', async () => {
    const ref = await db.transaction((session) =>
      chancy.push(double.job.withArgs({ n: 5 }), { session }),
    )
    expect(await chancy.waitForJob(ref, { timeout: '40s' })).toMatchObject({ result: 10 })
  })

  it('keeps a unique key, and lets a running job be cancelled', async () => {
    const started = chancy.push(endless.job.withUniqueKey('k'))
    const ref = await started
    await chancy.waitForJob(ref, { states: ['running'] })
    expect(await chancy.push(endless.job.withUniqueKey('k'))).toMatchObject({
      id: ref.id,
      created: false,
    })
    expect(await chancy.cancel(ref)).toBe('requested')
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'cancelled' })
  })

  it('names the remedy for a push beside an open transaction, where it would hang', async () => {
    let pushed: Promise<unknown> | undefined
    await db.transaction(async () => {
      pushed = chancy.push(double.job.withArgs({ n: 6 })).catch((error) => error)
      expect(await pushed).toMatchObject({
        name: 'DatabaseError',
        message: expect.stringContaining('push(job, { session })'),
      })
    })
  })
})
