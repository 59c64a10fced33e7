import {
  type Chancy,
  Job,
  type JobState,
  JobStateError,
  job,
  NotFoundError,
  Queue,
  Reference,
} from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const NOWHERE = '01890000-0000-7000-8000-000000000000'

const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
const boom = job({ name: 'boom' }, () => {
  throw new TypeError('boom')
})
const numbered = (n: number) => task.job.withArgs({ n })
const numbersOf = (jobs: readonly { readonly args: unknown }[]) =>
  jobs.map(({ args }) => (args as { n: number }).n)

/** Waits until the worker of this process has saved this number of outcomes. */
async function runAll(chancy: Chancy, count: number): Promise<void> {
  let left = count
  const saved = new Promise<void>((resolve) => {
    chancy.on('outcomes.saved', (batch) => {
      left -= batch.saved
      if (left <= 0) resolve()
    })
  })
  await app.worker(chancy)
  await saved
}

describe('getJob and getJobs', () => {
  it('show a waiting job as it was pushed', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1).withPriority(3).withMeta({ a: 1 }))
    const found = await chancy.getJob(ref)
    expect(found).toEqual({
      id: ref.id,
      name: 'task',
      queue: 'default',
      args: { n: 1 },
      state: 'pending',
      priority: 3,
      attempts: 0,
      maxAttempts: 1,
      createdAt: expect.any(Date),
      scheduledAt: null,
      startedAt: null,
      finishedAt: null,
      uniqueKey: null,
      concurrencyKey: null,
      limits: null,
      errors: [],
      result: null,
      progress: null,
      meta: { a: 1 },
      workerId: null,
    })
    expect(Math.abs(found!.createdAt.getTime() - Date.now())).toBeLessThan(60_000)
    expect(await chancy.getJob(found!)).toEqual(found)
    expect(await chancy.getJob(ref.id.toUpperCase())).toEqual(found)
    expect(Object.isFrozen(found)).toBe(true)
  })

  it('show what a finished job returned, or why it failed', async () => {
    const chancy = app.chancy({ jobs: [task, boom] })
    const [good, bad] = [await chancy.push(numbered(7)), await chancy.push(boom)]
    await runAll(chancy, 2)
    expect(await chancy.getJob(good)).toMatchObject({
      state: 'succeeded',
      result: 7,
      attempts: 1,
      errors: [],
      startedAt: expect.any(Date),
      finishedAt: expect.any(Date),
      workerId: expect.any(String),
    })
    expect(await chancy.getJob(bad)).toMatchObject({
      state: 'failed',
      result: null,
      errors: [
        { attempt: 1, kind: 'error', name: 'TypeError', message: 'boom', at: expect.any(Date) },
      ],
    })
  })

  it('keep the order of the references, and leave out what is not there', async () => {
    const chancy = app.chancy()
    const refs = await chancy.pushMany([1, 2, 3].map(numbered))
    const asked = [refs[2]!, NOWHERE, refs[0]!, refs[2]!]
    expect(numbersOf(await chancy.getJobs(asked))).toEqual([3, 1, 3])
    expect(await chancy.getJob(NOWHERE)).toBe(null)
    expect(await chancy.getJobs([])).toEqual([])
  })

  it('never miss a job that moves between the tables', async () => {
    // The last of them ends when the reader has seen the others, however slow it is.
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const last = 999
    const work = job({ name: 'task' }, async ({ n }: { n: number }) => {
      if (n === last) await held
    })
    const chancy = app.chancy({ jobs: [work] })
    const refs = await chancy.pushMany(Array.from({ length: last + 1 }, (_, n) => numbered(n)))
    const reader = app.chancy({ notifications: false })
    const finished = new Set<number>()
    const read = async (): Promise<number> => {
      const jobs = await reader.getJobs(refs)
      expect(jobs).toHaveLength(refs.length)
      const count = jobs.filter(({ finishedAt }) => finishedAt !== null).length
      finished.add(count)
      return count
    }
    await read()
    const starting = app.worker(chancy)
    for (let count = 0; count < refs.length; ) {
      count = await read()
      if (count === last) release()
    }
    await starting
    // It looked before, while and after they moved.
    expect(finished.size).toBeGreaterThan(2)
  })

  it('show rows that were written by hand as well as they can', async () => {
    const chancy = app.chancy()
    const id = await chancy.push(numbered(1))
    const odd = [`'"x"'`, `'[null, 7, {"attempt": 2}]'`, `'{"a": 1}'`, `'5'`]
    for (const errors of odd) {
      await app.sql(
        `INSERT INTO $jobs (id, queue, name, errors, limits, meta, progress, args)
         VALUES (gen_random_uuid(), 'default', 'task', ${errors}, '5', '[1]', 'null', '7')`,
      )
    }
    expect(await chancy.listJobs()).toHaveLength(odd.length + 1)
    expect(await chancy.getJob(id)).not.toBe(null)
  })
})

describe('listJobs', () => {
  async function filled(): Promise<Chancy> {
    const chancy = app.chancy({ jobs: [task, boom] })
    for (let n = 0; n < 6; n++) await chancy.push(numbered(n))
    await chancy.push(boom)
    await runAll(chancy, 7)
    const later = (n: number) => numbered(n).withQueue('later')
    for (let n = 6; n < 10; n++) await chancy.push(later(n))
    return chancy
  }

  it('gives pages over both tables, newest first, without a gap or a repetition', async () => {
    const chancy = await filled()
    const all = await chancy.listJobs()
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    )
    expect(all).toHaveLength(11)
    const paged: string[] = []
    for (let after: Reference | undefined; ; ) {
      const page = await chancy.listJobs({ limit: 3, ...(after && { after }) })
      if (page.length === 0) break
      expect(page.length).toBeLessThanOrEqual(3)
      paged.push(...page.map(({ id }) => id))
      after = Reference.from(paged.at(-1)!)
    }
    expect(paged).toEqual(all.map(({ id }) => id))
  })

  it.each([
    [{ queue: 'later' }, [9, 8, 7, 6]],
    [{ queue: 'none' }, []],
    [{ state: 'succeeded' as JobState }, [5, 4, 3, 2, 1, 0]],
    [{ state: 'pending' as JobState, name: 'task' }, [9, 8, 7, 6]],
    [{ state: 'running' as JobState }, []],
    [{ name: 'task', limit: 5 }, [9, 8, 7, 6, 5]],
    [{ queue: 'default', state: 'succeeded' as JobState, limit: 2 }, [5, 4]],
  ])('filters by %o', async (filter, numbers) => {
    const chancy = await filled()
    expect(numbersOf(await chancy.listJobs(filter))).toEqual(numbers)
    expect(await chancy.listJobs({ name: 'boom' })).toMatchObject([{ state: 'failed' }])
  })
})

describe('cancel of a waiting job', () => {
  it('ends it immediately, with the reason', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1).withUniqueKey('k'))
    const scheduled = await chancy.push(numbered(2).withDelay('1h'))
    expect(await chancy.cancel(ref)).toBe('cancelled')
    expect(await chancy.cancel(scheduled)).toBe('cancelled')
    expect(await chancy.cancel(ref)).toBe('finished')
    expect(await chancy.cancel(NOWHERE)).toBe('unknown')
    expect(await chancy.getJob(ref)).toMatchObject({
      state: 'cancelled',
      attempts: 0,
      startedAt: null,
      finishedAt: expect.any(Date),
      errors: [{ kind: 'cancelled' }],
    })
    expect(await chancy.push(numbered(1).withUniqueKey('k'))).toMatchObject({ created: true })
  })

  it('ends the waits for it, in this process and in another', async () => {
    const [here, there] = [app.chancy(), app.chancy()]
    const ref = await here.push(numbered(1))
    const waits = [here.waitForJob(ref), there.waitForJob(ref)]
    await app.sql('SELECT 1')
    await here.cancel(ref)
    for (const wait of waits) expect(await wait).toMatchObject({ state: 'cancelled' })
  })
})

describe('a manual retry', () => {
  it('puts a failed job back with one more attempt, under its id', async () => {
    const chancy = app.chancy({ jobs: [boom] })
    const ref = await chancy.push(boom)
    await runAll(chancy, 1)
    const again = chancy.waitForJob(ref, { states: ['failed'] })
    await again
    const saved = new Promise((resolve) => chancy.on('outcomes.saved', resolve))
    await chancy.retry(ref)
    await saved
    expect(await chancy.getJob(ref)).toMatchObject({
      state: 'failed',
      attempts: 2,
      maxAttempts: 2,
      errors: [{ attempt: 1 }, { attempt: 2 }],
    })
  })

  it('puts a cancelled job back to where it was, with all it had', async () => {
    const chancy = app.chancy()
    const full = numbered(1)
      .withPriority(4)
      .withMeta({ a: 1 })
      .withUniqueKey('k')
      .withMaxAttempts(3)
    const ref = await chancy.push(full.withQueue('mail'))
    await chancy.cancel(ref)
    await chancy.retry(ref)
    expect(await chancy.getJob(ref)).toMatchObject({
      state: 'pending',
      queue: 'mail',
      priority: 4,
      meta: { a: 1 },
      uniqueKey: 'k',
      maxAttempts: 3,
      finishedAt: null,
    })
    expect(await app.sql('SELECT 1 FROM $finished_jobs')).toEqual([])
  })

  it('makes a job whose time has not come wait for it again', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const scheduledAt = new Date(Date.now() + 1_500)
    const ref = await chancy.push(numbered(1).withScheduledAt(scheduledAt))
    const far = await chancy.push(numbered(2).withDelay('1h'))
    for (const one of [ref, far]) await chancy.cancel(one)
    await app.worker(chancy)
    const scheduled = new Promise((resolve) => chancy.on('job.scheduled', resolve))
    for (const one of [ref, far]) await chancy.retry(one)
    expect(await scheduled).toEqual({ queue: 'default' })
    expect((await chancy.explain(far)).reasons).toMatchObject([{ kind: 'scheduled' }])
    const done = await chancy.waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', scheduledAt })
    expect(done.startedAt?.getTime()).toBeGreaterThanOrEqual(scheduledAt.getTime())
    expect(await chancy.getJob(far)).toMatchObject({ state: 'pending', attempts: 0 })
  })

  it('is refused while another job has its unique key, and changes nothing', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1).withUniqueKey('k'))
    await chancy.cancel(ref)
    const other = await chancy.push(numbered(2).withUniqueKey('k'))
    await expect(chancy.retry(ref)).rejects.toMatchObject({
      name: 'UniqueKeyError',
      code: 'UNIQUE_KEY_TAKEN',
    })
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'cancelled' })
    await chancy.cancel(other)
    await chancy.retry(ref)
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending' })
  })

  it('is refused for a job that waits, has succeeded or is not there', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const waiting = await chancy.push(numbered(1).withQueue('elsewhere'))
    const good = await chancy.push(numbered(1))
    await runAll(chancy, 1)
    await expect(chancy.retry(waiting)).rejects.toThrow(/is pending/)
    const refused = chancy.retry(good)
    await expect(refused).rejects.toThrow(/is succeeded/)
    await expect(refused).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      details: { id: good.id, state: 'succeeded' },
    })
    await expect(refused).rejects.toBeInstanceOf(JobStateError)
    await expect(chancy.retry(NOWHERE)).rejects.toBeInstanceOf(NotFoundError)
  })
})

describe('queues', () => {
  it('are stored as they are declared, and stay so until they are upserted', async () => {
    const chancy = app.chancy()
    const resumeAt = new Date('2100-01-01')
    const full = new Queue('mail', {
      concurrency: 3,
      executor: 'inline',
      tags: ['gpu=.*', 'x'],
      pollingInterval: '250ms',
      state: 'paused',
      resumeAt,
    })
    expect(await chancy.declare(full)).toMatchObject({ ...full, ignored: [] })
    expect(await chancy.getQueue('mail')).toEqual(full)
    const plain = new Queue('mail', { executor: 'inline' })
    expect(await chancy.declare(plain)).toMatchObject({ ...full, ignored: expect.any(Array) })
    expect(await chancy.declare(plain, { upsert: true })).toMatchObject({ ...plain, ignored: [] })
    await chancy.declare(new Queue('a', { executor: 'inline' }))
    expect((await chancy.getQueues()).map(({ name }) => name)).toEqual(['a', 'mail'])
  })

  it('are paused, resumed and deleted, and every process is notified', async () => {
    const [chancy, other] = [app.chancy(), app.chancy()]
    // Waiting is what begins to listen.
    await other.waitForJob(NOWHERE).catch(() => {})
    await chancy.declare(new Queue('q', { executor: 'inline' }))
    const received: unknown[] = []
    other.on('queue.changed', (event) => void received.push(event))
    const resumeAt = new Date('2100-01-01')
    // A notification before the other process listens is lost.
    await until(async () => {
      await chancy.pauseQueue('q', { resumeAt })
      return received.length > 0
    })
    expect(received[0]).toEqual({ queue: 'q' })
    expect(await chancy.getQueue('q')).toMatchObject({ state: 'paused', resumeAt })
    await chancy.pauseQueue('q')
    expect(await chancy.getQueue('q')).toMatchObject({ state: 'paused', resumeAt: null })
    await chancy.resumeQueue('q')
    expect(await chancy.getQueue('q')).toMatchObject({ state: 'active', resumeAt: null })
    const ref = await chancy.push(Job.named('task', { queue: 'q' }))
    await chancy.deleteQueue('q')
    expect(await chancy.getQueues()).toEqual([])
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending' })
  })

  it('that are not there are said to be so', async () => {
    const chancy = app.chancy()
    for (const call of [
      () => chancy.getQueue('no "such"'),
      () => chancy.pauseQueue('no "such"'),
      () => chancy.resumeQueue('no "such"'),
      () => chancy.deleteQueue('no "such"'),
    ]) {
      await expect(call()).rejects.toMatchObject({
        name: 'NotFoundError',
        code: 'QUEUE_NOT_FOUND',
        details: { queue: 'no "such"' },
      })
    }
  })
})

describe('getWorkers', () => {
  it('shows who lives, with tags and queues', async () => {
    const chancy = app.chancy({ jobs: [task] }, databaseUrl(app.schema))
    expect(await chancy.getWorkers()).toEqual([])
    const worker = await app.worker(chancy, { tags: ['gpu=1'], label: 'left' })
    const [found, ...rest] = await chancy.getWorkers()
    expect(rest).toEqual([])
    expect(found).toMatchObject({ id: worker.id, label: 'left', alive: true })
    expect(found?.tags).toEqual(worker.tags)
    expect(found?.tags).toContain('gpu=1')
    expect(found!.expiresAt.getTime()).toBeGreaterThan(found!.renewedAt.getTime())
    await worker.stop()
    expect(await chancy.getWorkers()).toEqual([])
  })
})
