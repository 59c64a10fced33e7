import { defineJob, Job, job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await empty(schema)
  await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
})

const mail = defineJob<{ to: string }, string>({
  name: 'mail',
  queue: 'mail',
  priority: 7,
  maxAttempts: 2,
  backoff: 'none',
  concurrency: { max: 1, key: 'to' },
})

/** Fails at its first attempt, as a mail server does. */
const send = job(mail, ({ to }, { attempt }) => {
  if (attempt === 1) throw new Error('451 try again later')
  return `sent to ${to}`
})

describe('a job that producer and worker share a definition of', () => {
  it('is pushed by the definition alone with all of its options', async () => {
    await using producer = await startApp({ schema })
    const reference = await producer.chancy.push(mail.job.withArgs({ to: 'ada' }))
    expect(await producer.chancy.getJob(reference)).toMatchObject({
      name: 'mail',
      queue: 'mail',
      priority: 7,
      maxAttempts: 2,
      concurrencyKey: 'mail:to="ada"',
    })
    await using app = await startApp({ schema, jobs: send })
    await app.start()
    expect(await producer.chancy.waitForJob(reference)).toMatchObject({
      state: 'succeeded',
      attempts: 2,
      result: 'sent to ada',
    })
  })

  it('is the same job when its function is pushed', async () => {
    expect(send.job).toBe(mail.job)
    expect(send({ to: 'ada' }, { attempt: 2 } as never)).toBe('sent to ada')
  })
})

describe('a job that is pushed by its name alone', () => {
  it('has the attempts of the definition of the worker that claims it', async () => {
    await using app = await startApp({ schema, jobs: send })
    const given = { queue: 'mail', args: { to: 'ada' } }
    const refs = [
      await app.chancy.push(Job.named<typeof mail>('mail', given)),
      await app.chancy.push(Job.named<typeof mail>('mail', { ...given, maxAttempts: 1 })),
    ]
    const [row] = await sql<{ id: string }>(
      schema,
      `SELECT $schema.push('mail', '{"to":"bob"}', queue => 'mail') AS id`,
    )
    refs.push(row!.id as never)
    expect((await app.chancy.getJobs(refs)).map((one) => one.maxAttempts)).toEqual([null, 1, null])

    await app.start()
    const done = await app.chancy.waitForJobs(refs)
    expect(done.map(({ state, attempts, maxAttempts }) => [state, attempts, maxAttempts])).toEqual([
      ['succeeded', 2, null],
      ['failed', 1, 1],
      ['succeeded', 2, null],
    ])
  })

  it('makes the worker say once what of the definition it lacks', async () => {
    await using app = await startApp({ schema, jobs: send })
    await app.start()
    const refs = await app.chancy.pushMany([
      Job.named<typeof mail>('mail', { args: { to: 'ada' } }),
      Job.named<typeof mail>('mail', { args: { to: 'bob' } }),
      mail.job.withArgs({ to: 'eve' }).withQueue('default'),
    ])
    await app.chancy.waitForJobs(refs)
    const said = app.lines.filter(({ message }) => message?.includes('pushed by its name'))
    expect(said).toHaveLength(1)
    expect(said[0]).toMatchObject({ level: 'warn', fields: { name: 'mail', queue: 'default' } })
    expect(said[0]?.message).toContain('its queue (mail), its concurrency limit.')
  })

  it('shows its function the attempts that are in force, and one attempt by default', async () => {
    const look = job({ name: 'look', maxAttempts: 9 }, (_, context) => context.job.maxAttempts)
    const fail = job({ name: 'fail' }, () => {
      throw new Error('no')
    })
    await using app = await startApp({ schema, jobs: [look, fail] })
    await app.start()
    const looked = await app.chancy.push(Job.named('look'))
    const failed = await app.chancy.push(Job.named('fail'))
    expect(await app.chancy.waitForJob(looked)).toMatchObject({ result: 9 })
    expect(await app.chancy.waitForJob(failed)).toMatchObject({ state: 'failed', attempts: 1 })
  })

  it('may be retried manually, and then has the attempts of the definition', async () => {
    let isUp = false
    const late = job({ name: 'late', maxAttempts: 2, backoff: 'none' }, () => {
      if (!isUp) throw new Error('down')
    })
    await using app = await startApp({ schema, jobs: late })
    await app.start()
    const reference = await app.chancy.push(Job.named('late'))
    expect(await app.chancy.waitForJob(reference)).toMatchObject({ state: 'failed', attempts: 2 })
    isUp = true
    await app.chancy.retry(reference)
    expect(await app.chancy.waitForJob(reference)).toMatchObject({
      state: 'succeeded',
      attempts: 3,
      maxAttempts: null,
    })
  })
})
