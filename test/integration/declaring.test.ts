import { job, Queue, type WaitTimedOutError } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()
const mail = job({ name: 'mail', queue: 'mail' }, () => 'sent')
const ok = job({ name: 'ok' }, () => 'ok')

beforeEach(async () => {
  await (await startApp({ schema })).chancy.close()
  await empty(schema)
})

describe('a queue that was never declared', () => {
  it('is declared by a worker whose jobs name it, so that they run', async () => {
    await using app = await startApp({ schema, jobs: [mail, ok] })
    const reference = await app.chancy.push(mail)
    await app.start()
    expect(await app.chancy.waitForJob(reference)).toMatchObject({ result: 'sent' })
    expect(await app.chancy.getQueues()).toMatchObject([
      { name: 'default', executor: 'inline' },
      { name: 'mail', executor: 'inline' },
    ])
  })

  it('is not declared by a worker that is for other queues', async () => {
    await using app = await startApp({ schema, jobs: [mail, ok] })
    await app.chancy.declare(new Queue('other', { executor: 'inline' }))
    await app.start({ queues: ['other', 'mail'] })
    const names = (await app.chancy.getQueues()).map(({ name }) => name)
    expect(names).toEqual(['mail', 'other'])
  })

  it('takes the settings of its first declaration, and keeps a pause', async () => {
    await using app = await startApp({ schema, jobs: mail })
    await app.start()
    await app.chancy.pauseQueue('mail')
    const declared = await app.chancy.declare(
      new Queue('mail', { executor: 'inline', concurrency: 3, rateLimit: { max: 9, per: '1s' } }),
    )
    expect(declared).toMatchObject({ concurrency: 3, state: 'paused', ignored: [] })
    expect(await app.chancy.declare(new Queue('mail', { concurrency: 7 }))).toMatchObject({
      concurrency: 3,
      executor: 'inline',
      ignored: ['concurrency'],
    })
    // By a worker that starts later, too.
    await app.start()
    expect(await app.chancy.getQueue('mail')).toMatchObject({ concurrency: 3 })
  })

  it('is paused by a declaration that says so', async () => {
    await using app = await startApp({ schema, jobs: mail })
    await app.start()
    const resumeAt = new Date('2100-01-01')
    await app.chancy.declare(new Queue('mail', { state: 'paused', resumeAt }))
    expect(await app.chancy.getQueue('mail')).toMatchObject({ state: 'paused', resumeAt })
  })
})

describe('a declaration of a queue that is declared', () => {
  const options = {
    concurrency: 2,
    executor: 'thread',
    executorOptions: { maximumJobsPerChild: 5, killAfter: '1s' },
    tags: ['zone=.*'],
    pollingInterval: '1m',
    rateLimit: { max: 1, per: '1s' },
    state: 'paused',
    resumeAt: new Date('2100-01-01'),
  } as const

  it('says in the log and in its answer which settings it did not take', async () => {
    await using app = await startApp({ schema })
    await app.chancy.declare(new Queue('mail', options))
    const other = {
      concurrency: 3,
      executor: 'process',
      executorOptions: { maximumJobsPerChild: 6, killAfter: '1s' },
      tags: ['.*'],
      pollingInterval: '2m',
      rateLimit: { max: 1, per: '2s' },
      state: 'active',
    } as const
    const declared = await app.chancy.declare(new Queue('mail', other))
    expect(declared).toMatchObject({ concurrency: 2, executor: 'thread', state: 'paused' })
    expect(declared.ignored).toEqual(Object.keys(other))
    const [line] = app.lines.filter(({ message }) => message?.includes('other settings'))
    expect(line).toMatchObject({
      level: 'warn',
      fields: { queue: 'mail', ignored: Object.keys(other) },
    })
    expect(line?.message).toContain('upsert: true')
  })

  it('is quiet when nothing differs, nothing was given, or it replaces what is stored', async () => {
    await using app = await startApp({ schema })
    await app.chancy.declare(new Queue('mail', options))
    for (const [queue, upsert] of [
      [new Queue('mail', options), false],
      [new Queue('mail'), false],
      [await app.chancy.getQueue('mail'), false],
      [new Queue('mail', { ...options, concurrency: 4 }), true],
    ] as const) {
      expect((await app.chancy.declare(queue, { upsert })).ignored).toEqual([])
    }
    expect(app.lines).toEqual([])
    expect(await app.chancy.getQueue('mail')).toMatchObject({ concurrency: 4 })
  })
})

describe('a wait that times out', () => {
  const timedOut = async (wait: Promise<unknown>): Promise<WaitTimedOutError> =>
    wait.then(
      () => expect.unreachable(),
      (error: WaitTimedOutError) => error,
    )

  it('says why the job is not running, in words and as data', async () => {
    await using app = await startApp({ schema })
    const reference = await app.chancy.push(mail)
    const { message, details } = await timedOut(app.chancy.waitForJob(reference, { timeout: 50 }))
    expect(message).toContain('It waits: its queue "mail" is not declared. Call chancy.declare(')
    expect(details).toEqual({
      ids: [reference.id],
      timeoutMs: 50,
      explanations: [await app.chancy.explain(reference)],
    })
  })

  it('says of several jobs why the first is not running, and of a job that runs that it does', async () => {
    await using app = await startApp({
      schema,
      jobs: job({ name: 'ok' }, (_, { signal }) => until(signal)),
    })
    const refs = [await app.chancy.push(mail), await app.chancy.push(ok.job.withDelay('1h'))]
    const { message, details } = await timedOut(app.chancy.waitForJobs(refs, { timeout: 50 }))
    expect(message).toContain(`2 jobs were not`)
    expect(message).toContain(`The first, ${refs[0]?.id}, waits: its queue "mail" is not declared`)
    expect(details.explanations).toMatchObject([
      { reasons: [{ kind: 'queue-undeclared' }] },
      { reasons: [{ kind: 'scheduled' }, { kind: 'queue-undeclared' }] },
    ])

    await app.start()
    const running = await app.chancy.push(ok)
    await app.chancy.waitForJob(running, { states: ['running'] })
    const error = await timedOut(app.chancy.waitForJob(running, { timeout: 50 }))
    expect(error.message).toContain('It is running.')
    await app.chancy.cancel(running)
  })
})

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
