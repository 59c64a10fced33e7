import { type ConfigError, Job, job, Limit, Queue } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()
const jobs = new URL('../support/jobs/scripted.ts', import.meta.url)

beforeAll(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
})

describe('a worker with plain functions only', () => {
  it('is told at its start what a queue of processes needs', async () => {
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
