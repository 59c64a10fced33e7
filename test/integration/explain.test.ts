import { type Chancy, job, NotFoundError, Queue, RetryJob } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'
const task = job({ name: 'task' }, () => 'done')
const again = job({ name: 'again', maxAttempts: 2 }, () => {
  throw new RetryJob('10m')
})
const fromNow = (ms: number) => new Date(Date.now() + ms)

afterEach(() => app.sql('TRUNCATE $rate_starts'))

/** A live worker with tags, names and queues that does nothing. */
const idleWorker = (tags = ['*'], names = ['task'], queues = ['default', 'paced', 'gpu']) =>
  app.sql(
    `INSERT INTO $workers (id, tags, names, queues, expires_at)
     VALUES ($1, $2, $3, $4, now() + interval '1 hour')`,
    [WORKER, ...[tags, names, queues].map((list) => JSON.stringify(list))],
  )

async function ready(): Promise<Chancy> {
  const chancy = app.chancy({ jobs: [task] })
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  await idleWorker()
  return chancy
}

const claim = (room: number, queue = 'default') =>
  app.sql(`SELECT id FROM $claim_1($1, $2, $3, '{task}', true) WHERE id IS NOT NULL`, [
    queue,
    WORKER,
    room,
  ])

describe('explain', () => {
  it('has nothing to say of a job that is next', async () => {
    const chancy = await ready()
    const ref = await chancy.push(task.job)
    expect(await chancy.explain(ref)).toEqual({ state: 'pending', runnable: true, reasons: [] })
    expect(await chancy.explain(ref.id)).toMatchObject({ runnable: true })
  })

  it('of a running or finished job gives its state', async () => {
    const chancy = await ready()
    const [first, second] = await chancy.pushMany([task.job, task.job])
    await claim(1)
    expect(await chancy.explain(first!)).toEqual({ state: 'running', runnable: false, reasons: [] })
    await chancy.cancel(second!)
    const ended = { state: 'cancelled', runnable: false, reasons: [] }
    expect(await chancy.explain(second!)).toEqual(ended)
  })

  it('of a job that does not exist is an error', async () => {
    await expect(app.chancy().explain(WORKER)).rejects.toThrow(NotFoundError)
  })

  it('names the time of a scheduled job', async () => {
    const chancy = await ready()
    const at = fromNow(60_000)
    const ref = await chancy.push(task.job.withScheduledAt(at))
    expect(await chancy.explain(ref)).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [{ kind: 'scheduled', at }],
      earliestStart: at,
    })
  })

  it('names the time until which a job waits after a failure', async () => {
    const chancy = app.chancy({ jobs: [again] })
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await app.worker(chancy)
    const ref = await chancy.push(again.job)
    await chancy.waitForJob(ref, { states: ['retrying'] })
    const answer = await chancy.explain(ref)
    expect(answer).toMatchObject({ state: 'retrying', runnable: false })
    expect(answer.reasons).toEqual([{ kind: 'backoff', until: answer.earliestStart }])
    expect(answer.earliestStart!.getTime() - Date.now()).toBeGreaterThan(590_000)
  })

  it('names a paused queue, and when it resumes', async () => {
    const chancy = await ready()
    const ref = await chancy.push(task.job)
    await chancy.pauseQueue('default')
    expect(await chancy.explain(ref)).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [{ kind: 'queue-paused', queue: 'default', resumeAt: null }],
    })
    const resumeAt = fromNow(60_000)
    await chancy.pauseQueue('default', { resumeAt })
    expect(await chancy.explain(ref)).toMatchObject({
      reasons: [{ kind: 'queue-paused', queue: 'default', resumeAt }],
      earliestStart: resumeAt,
    })
    await app.sql("UPDATE $queues SET resume_at = now() - interval '1s'")
    expect(await chancy.explain(ref)).toMatchObject({ runnable: true, reasons: [] })
  })

  it('names a queue that was never declared', async () => {
    const chancy = await ready()
    const ref = await chancy.push(task.job.withQueue('nowhere'))
    expect(await chancy.explain(ref)).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [{ kind: 'queue-undeclared', queue: 'nowhere' }],
    })
  })

  it('names which tags no living worker has', async () => {
    const chancy = app.chancy()
    await chancy.declare(new Queue('gpu', { executor: 'inline', tags: ['gpu=.+', 'big'] }))
    const ref = await chancy.push(task.job.withQueue('gpu'))
    const reasons = [{ kind: 'no-worker', queue: 'gpu', tags: ['gpu=.+', 'big'] }]
    await idleWorker(['*', 'gpu='])
    expect(await chancy.explain(ref)).toMatchObject({ runnable: false, reasons })
    await app.sql(`UPDATE $workers SET tags = '["gpu=a100"]'`)
    expect(await chancy.explain(ref)).toMatchObject({ runnable: true, reasons: [] })
    await app.sql("UPDATE $workers SET expires_at = now() - interval '1s'")
    expect(await chancy.explain(ref)).toMatchObject({ runnable: false, reasons })
  })

  it('names the workers that were given other queues', async () => {
    const chancy = app.chancy({ jobs: [task] })
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await chancy.declare(new Queue('other', { executor: 'inline', state: 'paused' }))
    const worker = await app.worker(chancy, { queues: ['other'] })
    await until(async () => (await chancy.getWorkers())[0]?.queues.includes('other') === true)
    const ref = await chancy.push(task.job)
    const reasons = [{ kind: 'no-worker', queue: 'default', tags: ['.*'] }]
    expect(await chancy.explain(ref)).toMatchObject({ runnable: false, reasons })
    await worker.stop()
  })

  it('names a function that no worker of the queue has', async () => {
    const chancy = await ready()
    const ref = await chancy.push(again.job)
    const unknown = { runnable: false, reasons: [{ kind: 'function-unknown', name: 'again' }] }
    expect(await chancy.explain(ref)).toMatchObject(unknown)
    // Also when a claim has parked it.
    await claim(1)
    expect(await app.sql('SELECT 1 FROM $jobs WHERE parked')).toHaveLength(1)
    expect(await chancy.explain(ref)).toMatchObject(unknown)
  })

  it('names a full group, its limit and who holds it', async () => {
    const chancy = await ready()
    const refs = await chancy.pushMany(Array(4).fill(task.job.withConcurrency(2)))
    const holders = (await claim(2)).map(({ id }) => id)
    const full = { kind: 'concurrency', group: 'task', max: 2, running: 2 }
    const waiting = refs.filter(({ id }) => !holders.includes(id))
    const before = await chancy.explain(waiting[0]!)
    expect(before).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [{ ...full, holders: expect.arrayContaining(holders) }],
    })
    // Also when a claim has blocked it.
    await claim(2)
    expect(await app.sql('SELECT 1 FROM $jobs WHERE blocked')).toHaveLength(2)
    expect(await chancy.explain(waiting[0]!)).toMatchObject({ reasons: [full] })
  })

  it('names a group that one before it keeps waiting, by its smaller limit', async () => {
    const chancy = await ready()
    await chancy.push(task.job.withConcurrency(5))
    const [holder] = await claim(1)
    await chancy.push(task.job.withConcurrency(1))
    await claim(1)
    expect(await app.sql('SELECT 1 FROM $jobs WHERE blocked')).toHaveLength(1)
    const reason = { kind: 'concurrency', group: 'task', max: 5, running: 1, holders: [holder!.id] }
    const [later, sooner] = await chancy.pushMany([
      task.job.withConcurrency(5),
      task.job.withConcurrency(5).withPriority(1),
    ])
    expect((await chancy.explain(later!)).reasons).toContainEqual(reason)
    expect(await chancy.explain(sooner!)).toEqual({ state: 'pending', runnable: true, reasons: [] })
    // It is as it says: a claim takes the one and blocks the other.
    expect(await claim(2)).toEqual([{ id: sooner!.id }])
  })

  it('counts all that run in a group whose limit is larger than the holders it names', async () => {
    const chancy = await ready()
    await chancy.pushMany(Array(1_200).fill(task.job.withConcurrency(1_200)))
    await claim(1_200)
    const ref = await chancy.push(task.job.withConcurrency(1_200))
    const [reason] = (await chancy.explain(ref)).reasons
    expect(reason).toMatchObject({ kind: 'concurrency', max: 1_200, running: 1_200 })
    expect(reason?.kind === 'concurrency' && reason.holders.length).toBe(1_000)
  })

  it('names the time of the next start of a queue', async () => {
    const chancy = await ready()
    await chancy.declare(
      new Queue('paced', { executor: 'inline', rateLimit: { max: 2, per: '10m' } }),
    )
    const refs = await chancy.pushMany(Array(3).fill(task.job.withQueue('paced')))
    expect(await chancy.explain(refs[0]!)).toMatchObject({ runnable: true })
    await claim(1, 'paced')
    expect(await chancy.explain(refs[1]!)).toMatchObject({ runnable: true })
    await app.sql("UPDATE $rate_starts SET at = at - interval '1m'")
    await claim(1, 'paced')
    const answer = await chancy.explain(refs[2]!)
    const [first] = await app.sql<{ due: Date }>(
      "SELECT min(at) + interval '10m' AS due FROM $rate_starts",
    )
    const nextStart = answer.earliestStart!
    expect(Math.abs(nextStart.getTime() - first!.due.getTime())).toBeLessThanOrEqual(1)
    expect(answer).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [{ kind: 'rate-limit', max: 2, perMs: 600_000, nextStart }],
      earliestStart: nextStart,
    })
  })

  it('counts those ahead, by priority and place', async () => {
    const chancy = await ready()
    const refs = await chancy.pushMany([
      task.job,
      task.job,
      task.job.withPriority(1),
      task.job.withPriority(-1),
    ])
    const ahead = await Promise.all(refs.map((ref) => chancy.explain(ref)))
    expect(ahead.map(({ reasons }) => reasons)).toEqual([
      [{ kind: 'behind', ahead: 1, hasMore: false }],
      [{ kind: 'behind', ahead: 2, hasMore: false }],
      [],
      [{ kind: 'behind', ahead: 3, hasMore: false }],
    ])
    expect(ahead.every(({ runnable }) => runnable)).toBe(true)
  })

  it('returns all reasons together, and the latest of their times', async () => {
    const chancy = app.chancy()
    const resumeAt = fromNow(120_000)
    await chancy.declare(new Queue('default', { executor: 'inline', state: 'paused', resumeAt }))
    const ref = await chancy.push(task.job.withScheduledAt(fromNow(60_000)))
    const answer = await chancy.explain(ref)
    expect(answer.reasons.map(({ kind }) => kind)).toEqual([
      'scheduled',
      'queue-paused',
      'no-worker',
    ])
    expect(answer.earliestStart).toEqual(resumeAt)
  })
})

describe('explainQueue', () => {
  it('counts the jobs by what keeps them', async () => {
    const chancy = await ready()
    await chancy.pushMany(Array(3).fill(task.job.withConcurrency(1)))
    await chancy.pushMany(Array(2).fill(again.job.withMaxAttempts(1)))
    await claim(5)
    await chancy.pushMany(Array(4).fill(task.job))
    await chancy.pushMany(Array(5).fill(task.job.withDelay('1h')))
    const [retried] = await chancy.pushMany([task.job.withMeta({ x: 1 })])
    await app.sql(
      "UPDATE $jobs SET state = 'retrying', position = NULL, run_at = now() + interval '1h' WHERE id = $1",
      [retried!.id],
    )
    await chancy.push(task.job.withQueue('other'))
    const count = (jobs: number) => ({ jobs, hasMore: false })
    expect(await chancy.explainQueue('default')).toEqual({
      queue: 'default',
      state: 'active',
      counts: {
        ready: count(4),
        'queue-paused': count(0),
        'queue-undeclared': count(0),
        'no-worker': count(0),
        'workers-paused': count(0),
        'rate-limit': count(0),
        scheduled: count(5),
        backoff: count(1),
        dependency: count(0),
        durable: count(0),
        concurrency: count(2),
        'function-unknown': count(2),
        running: count(1),
      },
    })
    expect(await chancy.explainQueue('other')).toMatchObject({
      state: 'undeclared',
      counts: { ready: count(1), 'queue-undeclared': count(1), 'no-worker': count(0) },
    })
  })

  it('counts what the queue itself keeps', async () => {
    const chancy = await ready()
    await chancy.pushMany(Array(3).fill(task.job))
    const held = async (): Promise<Record<string, number>> => {
      const { counts } = await chancy.explainQueue('default')
      const names = ['queue-paused', 'queue-undeclared', 'no-worker', 'rate-limit'] as const
      return Object.fromEntries(
        names.map((name) => [name, counts[name].jobs] as const).filter(([, jobs]) => jobs > 0),
      )
    }
    expect(await held()).toEqual({})
    await chancy.pauseQueue('default')
    expect(await held()).toEqual({ 'queue-paused': 3 })
    const rateLimit = { max: 1, per: '1h' } as const
    await chancy.declare(new Queue('default', { rateLimit }), { upsert: true })
    expect(await held()).toEqual({})
    await app.sql("INSERT INTO $rate_starts (queue, at) VALUES ('default', now())")
    expect(await held()).toEqual({ 'rate-limit': 3 })
    await app.sql('UPDATE $workers SET revoked_at = now()')
    expect(await held()).toEqual({ 'no-worker': 3, 'rate-limit': 3 })
    await app.sql('TRUNCATE $rate_starts')
  })
})
