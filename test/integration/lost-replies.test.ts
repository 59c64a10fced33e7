import { type Chancy, type ChancyOptions, job, pgDriver, Queue, type Reference } from 'chancy'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isPush, noting, pushesOf, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
const numbered = (n: number) => task.job.withArgs({ n })

let proxy: TestProxy
beforeEach(async () => {
  proxy = await startProxy(databaseUrl(app.schema))
})
afterEach(() => proxy.close())

/** A Chancy that reaches the server through the proxy. Closed before the proxy is. */
const behind = (options: ChancyOptions = {}): Chancy =>
  app.chancy({ notifications: false, ...options }, proxy.url)

/** The numbers of all jobs, each as often as there is a row. */
async function numbers(): Promise<number[]> {
  const rows = await app.sql<{ n: number }>(
    "SELECT (args->>'n')::int AS n FROM $all_jobs ORDER BY 1",
  )
  return rows.map(({ n }) => n)
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

/** Runs everything that waits, by a worker that goes round the proxy. */
async function runAll(): Promise<void> {
  const chancy = app.chancy({ jobs: [task] })
  const worker = await app.worker(chancy)
  await until(async () => (await app.sql('SELECT 1 FROM $jobs')).length === 0)
  await worker.stop()
}

describe('a push whose reply is lost after the commit', () => {
  it('is one job, under the id that was made first', async () => {
    const chancy = behind()
    await chancy.getQueues()
    const fault = proxy.cutReplies(isPush)
    const ref = await chancy.push(numbered(0))
    expect(fault.hits).toBe(1)
    expect(ref.created).toBe(true)
    expect(await app.sql('SELECT id::text AS id FROM $all_jobs')).toEqual([{ id: ref.id }])
  })

  it.each([1, 2, 3])(
    'is one job each among gathered ones, when %i replies are lost',
    async (times) => {
      const chancy = behind()
      const fault = proxy.cutReplies(isPush, { times })
      const refs = await Promise.all(upTo(100).map((n) => chancy.push(numbered(n))))
      expect(fault.hits).toBe(times)
      expect(await numbers()).toEqual(upTo(100))
      expect(new Set(refs.map(({ id }) => id)).size).toBe(100)
      expect((await chancy.getJobs(refs)).map(({ args }) => (args as { n: number }).n)).toEqual(
        upTo(100),
      )
    },
  )

  it('is one job each of a pushMany, in order, with and without keys', async () => {
    const chancy = behind()
    const fault = proxy.cutReplies(isPush, { times: 3 })
    const jobs = upTo(60).map((n) => (n % 3 ? numbered(n) : numbered(n).withUniqueKey(`${n}`)))
    const refs = await chancy.pushMany(jobs, { batchSize: 10 })
    expect(fault.hits).toBe(3)
    expect(refs.every(({ created }) => created)).toBe(true)
    expect((await chancy.getJobs(refs)).map(({ args }) => (args as { n: number }).n)).toEqual(
      upTo(60),
    )
    expect(await numbers()).toEqual(upTo(60))
  })

  it('reports of a unique key that the job is its own', async () => {
    const chancy = behind()
    const fault = proxy.cutReplies(isPush)
    const ref = await chancy.push(numbered(1).withUniqueKey('k'))
    expect(fault.hits).toBe(1)
    expect(ref.created).toBe(true)
    expect(await chancy.push(numbered(2).withUniqueKey('k'))).toMatchObject({
      id: ref.id,
      created: false,
    })
  })

  it('gives the holder of a unique key when the reply about it is lost', async () => {
    const chancy = behind()
    const holder = await app.chancy().push(numbered(1).withUniqueKey('k'))
    const fault = proxy.cutReplies(isPush)
    const ref = await chancy.push(numbered(2).withUniqueKey('k'))
    expect(fault.hits).toBe(1)
    expect(ref).toMatchObject({ id: holder.id, created: false })
    expect(await numbers()).toEqual([1])
  })

  it.each([
    ['one', (chancy: Chancy) => [chancy.push(numbered(0))]],
    ['gathered ones', (chancy: Chancy) => upTo(20).map((n) => chancy.push(numbered(n)))],
    ['one with a key', (chancy: Chancy) => [chancy.push(numbered(0).withUniqueKey('k'))]],
  ])(
    'runs once also when it was finished and moved before the second try (%s)',
    async (_what, push: (chancy: Chancy) => Promise<Reference<number>>[]) => {
      const chancy = behind()
      await chancy.getQueues()
      const lost = proxy.cutReplies(isPush)
      const pushes = push(chancy)
      await lost.hit
      proxy.refuse()
      await runAll()
      const finished = await numbers()
      proxy.refuse(false)
      const refs = await Promise.all(pushes)
      expect(refs.every(({ created }) => created)).toBe(true)
      await runAll()
      expect(await numbers()).toEqual(finished)
      expect(await numbers()).toEqual(upTo(pushes.length))
      const rows = await app.sql('SELECT id::text AS id, attempts FROM $finished_jobs')
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(refs.map(({ id }) => id)))
      expect(rows.every(({ attempts }) => attempts === 1)).toBe(true)
    },
  )

  it('gives its own job, not the next holder of its key, when it was finished before', async () => {
    const chancy = behind()
    await chancy.getQueues()
    const lost = proxy.cutReplies(isPush)
    const pushed = chancy.push(numbered(1).withUniqueKey('k'))
    await lost.hit
    proxy.refuse()
    await runAll()
    const next = await app.chancy().push(numbered(2).withUniqueKey('k'))
    proxy.refuse(false)
    const ref = await pushed
    expect(ref.created).toBe(true)
    expect(ref.id).not.toBe(next.id)
    expect(await numbers()).toEqual([1, 2])
  })
})

describe('a push that is lost before the server', () => {
  it('is tried again and is one job', async () => {
    const chancy = behind()
    const fault = proxy.dropRequests(isPush, { times: 2 })
    const refs = await Promise.all(upTo(10).map((n) => chancy.push(numbered(n))))
    expect(fault.hits).toBe(2)
    expect(refs.every(({ created }) => created)).toBe(true)
    expect(await numbers()).toEqual(upTo(10))
  })
})

describe('a server that is down', () => {
  it('ends a push, a pushMany and a read with a typed error at the deadline', async () => {
    const chancy = behind({ pushDeadline: '2s' })
    proxy.refuse()
    const startedAt = performance.now()
    const calls = [
      chancy.push(numbered(1)),
      chancy.push(numbered(1).withUniqueKey('k')),
      chancy.pushMany([numbered(2)]),
      chancy.getJob('01890000-0000-7000-8000-000000000000'),
    ]
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          name: 'DatabaseError',
          code: expect.stringMatching(/^(DATABASE_UNREACHABLE|OUTCOME_UNKNOWN)$/),
        },
      })
    }
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThan(250)
    expect(tookMs).toBeLessThan(20_000)
    expect(await app.count()).toBe(0)
  })

  it('reports an unknown outcome when the last reply was lost and no other came', async () => {
    const chancy = behind({ pushDeadline: '2s' })
    await chancy.getQueues()
    const lost = proxy.cutReplies(isPush)
    const pushed = expect(chancy.push(numbered(1))).rejects.toMatchObject({
      name: 'DatabaseError',
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('2000 ms'),
    })
    await lost.hit
    proxy.refuse()
    await pushed
    expect(await numbers()).toEqual([1])
  })

  it('reports an unknown outcome of a whole batch whose commit was not answered', async () => {
    const chancy = behind({ pushDeadline: '2s' })
    const lost = proxy.cutReplies((text) => text === 'COMMIT')
    const jobs = upTo(20).map(numbered)
    const pushed = expect(chancy.pushMany(jobs, { batchSize: 10 })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    await lost.hit
    proxy.refuse()
    proxy.cut()
    await pushed
    expect(await numbers()).toEqual(upTo(10))
  })

  it('is waited for, and everything is there once it is back before the deadline', async () => {
    const pool = new pg.Pool({ connectionString: proxy.url })
    const driver = noting(pgDriver(pool))
    const chancy = app.chancy({ notifications: false, pushDeadline: '20s' }, driver)
    await chancy.getQueues()
    proxy.refuse()
    proxy.cut()
    const pushes = [
      ...upTo(5).map((n) => chancy.push(numbered(n))),
      chancy.push(numbered(5).withUniqueKey('k')),
    ]
    const many = chancy.pushMany(upTo(4).map((n) => numbered(n + 6)))
    const refused = chancy.listJobs()
    // Each of the three has been tried and tried again by then.
    await until(() => pushesOf(driver) >= 6)
    expect(await app.count()).toBe(0)
    proxy.refuse(false)
    await Promise.all([...pushes, many, refused])
    expect(await numbers()).toEqual(upTo(10))
    await pool.end()
  })
})

describe('a change whose reply is lost after the commit', () => {
  it('of a cancel: it is sent again, and returns what it did', async () => {
    const chancy = behind()
    const waiting = await chancy.push(numbered(1).withConcurrency(1))
    const next = await chancy.push(numbered(2).withConcurrency(1))
    const fault = proxy.cutReplies('cancel_1', { times: 2 })
    expect(await chancy.cancel(waiting)).toBe('cancelled')
    expect(fault.hits).toBe(2)
    expect(await chancy.getJob(waiting)).toMatchObject({ state: 'cancelled' })
    expect(await chancy.getJob(next)).toMatchObject({ state: 'pending' })
    expect(await chancy.cancel(waiting)).toBe('finished')
  })

  it('of a cancel of a running job: its signal aborts once', async () => {
    const started: number[] = []
    const long = job({ name: 'long' }, async (_: object, { signal, fence }) => {
      started.push(fence)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const chancy = behind({ jobs: [long] })
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await app.worker(chancy)
    const ref = await chancy.push(long)
    await until(() => started.length === 1)
    const fault = proxy.cutReplies('cancel_1')
    expect(['requested', 'cancelled']).toContain(await chancy.cancel(ref))
    expect(fault.hits).toBe(1)
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'cancelled' })
  })

  it('of a retry: the job goes back once, with one more attempt', async () => {
    const chancy = behind()
    const ref = await chancy.push(numbered(1))
    await chancy.cancel(ref)
    const fault = proxy.cutReplies('retry_1')
    await chancy.retry(ref)
    expect(fault.hits).toBe(1)
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    await expect(chancy.retry(ref)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
  })

  it('of a retry whose job has failed again in between: it is not retried twice', async () => {
    const runs: number[] = []
    const bad = job({ name: 'bad' }, (_: object, { attempt }) => {
      runs.push(attempt)
      throw new Error('no')
    })
    const chancy = behind()
    const ref = await chancy.push(bad.job)
    const direct = app.chancy({ jobs: [bad] })
    await direct.declare(new Queue('default', { executor: 'inline' }))
    await app.worker(direct)
    await direct.waitForJob(ref)
    const lost = proxy.cutReplies('retry_1')
    const retried = chancy.retry(ref)
    await lost.hit
    proxy.refuse()
    await until(() => runs.length === 2)
    await direct.waitForJob(ref)
    proxy.refuse(false)
    await retried
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'failed' })
    expect(runs).toHaveLength(2)
  })

  it('of changes to a queue: each is made, and none reports an unknown outcome', async () => {
    const chancy = behind()
    const lose = (what: string | RegExp) =>
      proxy.cutReplies((text) => (typeof what === 'string' ? text.includes(what) : what.test(text)))
    const faults = [lose('INSERT INTO')]
    await chancy.declare(new Queue('mail'))
    faults.push(lose(/UPDATE \S+queues/))
    await chancy.pauseQueue('mail')
    expect(await chancy.getQueue('mail')).toMatchObject({ state: 'paused' })
    faults.push(lose(/UPDATE \S+queues/))
    await chancy.resumeQueue('mail')
    expect(await chancy.getQueue('mail')).toMatchObject({ state: 'active' })
    faults.push(lose(/DELETE FROM \S+queues/))
    await chancy.deleteQueue('mail')
    expect(faults.map(({ hits }) => hits)).toEqual([1, 1, 1, 1])
    await expect(chancy.deleteQueue('mail')).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' })
  })
})
