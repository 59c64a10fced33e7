import { pathToFileURL } from 'node:url'
import { type ConfigError, Job, job, Limit, Queue, Worker } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { type ScriptedJobs, scriptedJobs } from '../support/executors.ts'
import { jobModule, keptLog } from '../support/pools.ts'

const schema = testSchema()
let scripted: ScriptedJobs
let jobs: URL

beforeAll(async () => {
  scripted = await scriptedJobs()
  jobs = pathToFileURL(scripted.file)
  await using app = await startApp({ schema })
  await app.chancy.migrate()
})
afterAll(() => scripted.remove())

describe('a worker with plain functions only', () => {
  it('is refused at its start with what a queue of processes needs', async () => {
    const plain = job({ name: 'plain' }, () => 'ok')
    await using app = await startApp({ schema, jobs: plain })
    await app.chancy.declare(new Queue('children'))
    const started = app.start({ queues: ['children'] })
    const error = (await started.catch((thrown) => thrown)) as ConfigError
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain('new URL(')
    await app.chancy.deleteQueue('children')
  })
})

describe.each(['process', 'thread'] as const)('a queue with the executor %s', (executor) => {
  it('runs jobs in children and stops them by force', async () => {
    await using app = await startApp({ schema, jobs })
    const queue = `by ${executor}`
    const options = { executor, concurrency: 2, executorOptions: { killAfter: '200ms' } } as const
    await app.chancy.declare(new Queue(queue, options))
    await app.start({ queues: [queue] })

    const spin = Job.named('spin').withQueue(queue)
    const limited = await app.chancy.push(spin.withLimits([Limit.time('200ms')]))
    const ended = await app.chancy.waitForJob(limited)
    expect(ended).toMatchObject({ state: 'failed', errors: [{ kind: 'timeout' }] })
    expect(ended.usage?.wallMs).toBeGreaterThanOrEqual(200)

    const endless = await app.chancy.push(spin)
    await app.chancy.waitForJob(endless, { states: ['running'] })
    expect(await app.chancy.cancel(endless)).toBe('requested')
    expect(await app.chancy.waitForJob(endless)).toMatchObject({ state: 'cancelled' })

    const ok = await app.chancy.push(Job.named('ok').withQueue(queue))
    expect(await app.chancy.waitForJob(ok)).toMatchObject({ state: 'succeeded' })
  })
})

describe('the limits of a row', () => {
  it('lower those of the definition that the worker has, and never lift them', async () => {
    const { log, lines } = keptLog()
    await using app = await startApp({ schema, jobs: new URL(jobModule('flags')), logger: log })
    await app.chancy.declare(new Queue('bounded'))
    const bounded = Job.named('bounded', { args: { ms: 60_000 } }).withQueue('bounded')
    const raised = [
      bounded.withLimits([Limit.time('1h')]),
      bounded.withLimits([Limit.memory('256MiB')]),
      bounded.withLimits([]),
    ]
    const lowered = bounded.withLimits([Limit.time('100ms')])
    await app.start({ queues: ['bounded'] })
    for (const one of [...raised, lowered, bounded]) {
      const ended = await app.chancy.waitForJob(await app.chancy.push(one))
      const ms = one === lowered ? 100 : 300
      expect(ended).toMatchObject({ state: 'failed', errors: [{ kind: 'timeout' }] })
      expect(ended.errors[0]?.message).toContain(`${ms} ms`)
    }
    const warned = lines.filter(({ message }) => message?.includes('higher limits'))
    expect(warned).toMatchObject([{ level: 'warn', fields: { name: 'bounded' } }])
  })
})

describe('a worker', () => {
  it('gives its children the environment of its options', async () => {
    await using app = await startApp({ schema, jobs: new URL(jobModule('flags')) })
    await app.chancy.declare(new Queue('own environment'))
    await app.start({ queues: ['own environment'], childEnv: { GIVEN: 'text' } })
    const sees = await app.chancy.push(Job.named('sees').withQueue('own environment'))
    const { result } = await app.chancy.waitForJob(sees)
    const { CHANCY_CHILD: _, ...env } = (result as { env: Record<string, string> }).env
    expect(env).toEqual({ GIVEN: 'text' })
  })

  it.each([
    ['a text', 'PATH'],
    ['a name that is none', ['A=B']],
    ['a number', { A: 1 }],
    ['a NUL', { A: 'a\0b' }],
  ])('refuses an environment with %s', async (_, childEnv) => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    expect(() => new Worker(chancy, { childEnv: childEnv as never })).toThrow(/Worker: childEnv/)
  })
})
