import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { type Chancy, Job, job, Queue, type Reference } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { jobModule } from '../support/pools.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const CPUS = availableParallelism()
const rude = new URL(jobModule('rude'))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-shared-'))
  await using app = await startApp({ schema })
  await app.chancy.migrate()
})
afterAll(() => rm(folder, { recursive: true }))

async function declare(chancy: Chancy, names: readonly string[], options: object = {}) {
  for (const name of names) {
    await chancy.declare(new Queue(name, { executorOptions: { killAfter: '200ms' }, ...options }))
  }
}
const statesOf = async (chancy: Chancy, refs: readonly Reference[]) =>
  (await chancy.getJobs([...refs])).map(({ state }) => state)
const cancelAll = async (chancy: Chancy, refs: readonly Reference[]): Promise<void> => {
  for (const ref of refs) await chancy.cancel(ref)
  await chancy.waitForJobs([...refs])
}

describe('the queues of a worker', () => {
  it('run while the jobs of another take all children for long', async () => {
    await using app = await startApp({ schema, jobs: rude })
    const { chancy } = app
    await declare(chancy, ['long', 'short'])
    await app.start({ queues: ['long', 'short'] })
    const spins = Job.named('spins').withQueue('long')
    const long = await chancy.pushMany(Array.from({ length: CPUS }, () => spins))
    await until(async () => (await statesOf(chancy, long)).every((state) => state === 'running'))
    const short = await chancy.push(Job.named('ok').withQueue('short'))
    expect(await chancy.waitForJob(short)).toMatchObject({ state: 'succeeded' })
    // One that its child had not begun may have been returned and claimed again; none has ended.
    await until(async () => (await statesOf(chancy, long)).every((state) => state === 'running'))
    expect((await chancy.getJobs(long)).map(({ errors }) => errors.length)).toEqual(
      long.map(() => 0),
    )
    await cancelAll(chancy, long)
  })

  it('leave to another worker what the children of this one cannot begin', async () => {
    await using app = await startApp({ schema, jobs: rude })
    const { chancy } = app
    const count = 2 * CPUS
    await declare(chancy, ['blocked'], { concurrency: 2 * count })
    const first = await app.start({ queues: ['blocked'] })
    const spins = Job.named('spins').withQueue('blocked')
    const refs = await chancy.pushMany(Array.from({ length: count }, () => spins))
    await until(async () => {
      const held = (await statesOf(chancy, refs)).filter((state) => state === 'running')
      return held.length === CPUS
    })
    const second = await app.start({ queues: ['blocked'] })
    await until(async () => (await statesOf(chancy, refs)).every((state) => state === 'running'))
    const workers = (await chancy.getJobs(refs)).map(({ workerId }) => workerId)
    expect(workers.filter((id) => id === first.id).length).toBe(CPUS)
    expect(workers.filter((id) => id === second.id).length).toBe(CPUS)
    await cancelAll(chancy, refs)
  })
})

describe('a worker whose children cannot be started', () => {
  const moody = (file: string): URL => {
    return new URL(`${jobModule('moody')}?unless=${encodeURIComponent(file)}`)
  }

  it('serves its other queues, reports why not these, and serves them when children start', async () => {
    const file = path.join(folder, 'for-a-while')
    await writeFile(file, '')
    await using app = await startApp({ schema, jobs: moody(file) })
    const { chancy } = app
    await chancy.declare(new Queue('inline', { executor: 'inline' }))
    await declare(chancy, ['children'])
    await app.start({ queues: ['inline', 'children'] })
    const served = async () => (await chancy.getWorkers()).flatMap(({ queues }) => queues)
    expect(await served()).toEqual(['inline'])

    const beside = await chancy.push(Job.named('ok').withQueue('inline'))
    expect(await chancy.waitForJob(beside)).toMatchObject({ state: 'succeeded' })
    const ref = await chancy.push(Job.named('ok').withQueue('children'))
    const { runnable, reasons } = await chancy.explain(ref)
    expect(runnable).toBe(false)
    expect(reasons).toEqual([
      {
        kind: 'no-worker',
        queue: 'children',
        tags: ['.*'],
        refusals: [expect.stringContaining('not just now')],
      },
    ])
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })

    await rm(file)
    expect(await chancy.waitForJob(ref, { timeout: '50s' })).toMatchObject({ state: 'succeeded' })
    await until(async () => (await served()).length === 2)
    await until(() => app.lines.some(({ message }) => message === 'child processes start again'))
  })

  it('starts when only the first of them fails', async () => {
    const file = path.join(folder, 'once')
    await writeFile(file, '')
    await using app = await startApp({ schema, jobs: moody(file) })
    await declare(app.chancy, ['once'])
    const started = app.start({ queues: ['once'] })
    await rm(file)
    await started
    const ref = await app.chancy.push(Job.named('ok').withQueue('once'))
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
  })

  it('leaves nothing half started where it serves no queue at all', async () => {
    const file = path.join(folder, 'never')
    await writeFile(file, '')
    await using app = await startApp({ schema, jobs: moody(file) })
    await declare(app.chancy, ['none'])
    const started = app.start({ queues: ['none'] })
    await expect(started).rejects.toThrow(/not just now/)
    expect(await app.chancy.getWorkers()).toEqual([])
    await app.workers[0]!.stopped
    await rm(file)
  })
})

describe('a worker with plain functions only', () => {
  it('does not list a queue of processes, and explain names what it needs', async () => {
    const plain = job({ name: 'plain' }, () => 'ok')
    await using app = await startApp({ schema, jobs: plain })
    const { chancy } = app
    await chancy.declare(new Queue('in the loop', { executor: 'inline' }))
    await declare(chancy, ['in processes'])
    const worker = await app.start({ queues: ['in the loop', 'in processes'] })
    const row = (await chancy.getWorkers()).find(({ id }) => id === worker.id)
    expect(row?.queues).toEqual(['in the loop'])
    const ref = await chancy.push(plain.job.withQueue('in processes'))
    expect(await chancy.explain(ref)).toMatchObject({
      runnable: false,
      reasons: [{ kind: 'no-worker', refusals: [expect.stringContaining('new URL(')] }],
    })
    await chancy.declare(new Queue('in processes', { executor: 'inline' }), { upsert: true })
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
  })
})
