import { type ChunkItem, Job, job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const jobs = new URL('../support/jobs/chunked.mjs', import.meta.url)
const named = (name: string, args: object = {}) => Job.named(name, { args })
const item = (n: number, rest: object = {}) => named('index', { n, tenant: 'a', ...rest })

interface Result {
  readonly n: number
  readonly id: string
  readonly attempt: number
  readonly fence: number
  readonly call: readonly number[]
  readonly first: number
}

describe.each(['inline', 'thread', 'process'] as const)(
  'a chunk by the executor %s',
  (executor) => {
    const start = async () => {
      const chancy = app.chancy({ jobs })
      await chancy.declare(new Queue('default', { executor, concurrency: 1 }))
      return chancy
    }

    it('is one call for the jobs of one value, up to its size, each with a result of its own', async () => {
      const chancy = await start()
      const refs = await chancy.pushMany([
        ...[1, 2, 3, 4, 5, 6, 7].map((n) => item(n)),
        item(8, { tenant: 'b' }),
        item(9, { tenant: 'b', how: 'function' }),
      ])
      await app.worker(chancy)
      const done = await chancy.waitForJobs(refs)
      const results = done.map(({ result }) => result as Result | null)
      expect(results.slice(0, 5).map((one) => one?.call)).toEqual(Array(5).fill([1, 2, 3, 4, 5]))
      expect(results.slice(5, 7).map((one) => one?.call)).toEqual(Array(2).fill([6, 7]))
      expect(results[7]).toMatchObject({ n: 8, call: [8, 9], attempt: 1, fence: 1, first: 8 })
      expect(results.slice(0, 8).map((one) => one?.id)).toEqual(
        refs.slice(0, 8).map(({ id }) => id),
      )
      expect(done[8]).toMatchObject({ state: 'failed', errors: [{ kind: 'result-not-storable' }] })
    })

    it('fails what its function says, with attempts of its own, and all by a throw', async () => {
      const chancy = await start()
      const refs = await chancy.pushMany([
        item(1),
        item(2, { how: 'fail' }).withMaxAttempts(2),
        item(3, { how: 'discard' }).withMaxAttempts(2),
        item(4, { tenant: 'b', how: 'throw' }),
        item(5, { tenant: 'b' }).withMaxAttempts(2),
        item(6, { tenant: 'c', how: 'short' }),
      ])
      await app.worker(chancy)
      const done = await chancy.waitForJobs(refs)
      expect(done.map(({ state, attempts }) => [state, attempts])).toEqual([
        ['succeeded', 1],
        ['failed', 2],
        ['failed', 1],
        ['failed', 1],
        ['succeeded', 2],
        ['failed', 1],
      ])
      expect(done[1]!.errors.map(({ message }) => message)).toEqual(['not 2', 'not 2'])
      expect(done[2]!.errors[0]).toMatchObject({ kind: 'discarded' })
      expect(done[3]!.errors[0]).toMatchObject({ message: 'all of it' })
      expect(done[4]!.errors[0]).toMatchObject({ message: 'all of it' })
      expect(done[5]!.errors[0]!.message).toContain('returned an array of 0')
    })

    it('is not stopped by the cancel of one, and is by that of all', async () => {
      const chancy = await start()
      const refs = await chancy.pushMany([named('endless'), named('endless')])
      await app.worker(chancy)
      await chancy.waitForJobs(refs, { states: ['running'] })
      const stopped = new Promise((resolve) => chancy.on('job.cancelled', resolve))
      expect(await chancy.cancel(refs[0]!)).toBe('requested')
      await stopped
      expect((await chancy.getJobs(refs)).map(({ state }) => state)).toEqual(['running', 'running'])
      expect(await chancy.cancel(refs[1]!)).toBe('requested')
      const done = await chancy.waitForJobs(refs)
      expect(done.map(({ state }) => state)).toEqual(['cancelled', 'cancelled'])
    })

    it('has one time limit, which each of its jobs has passed', async () => {
      const chancy = await start()
      const refs = await chancy.pushMany([named('slow'), named('slow')])
      await app.worker(chancy)
      const done = await chancy.waitForJobs(refs)
      expect(done.map(({ state, errors }) => [state, errors[0]?.kind])).toEqual(
        Array(2).fill(['failed', 'timeout']),
      )
    })
  },
)

describe('a chunk', () => {
  it('whose child dies is a crash of each of its jobs', async () => {
    const chancy = app.chancy({ jobs })
    await chancy.declare(new Queue('default', { executor: 'process', concurrency: 1 }))
    const refs = await chancy.pushMany([named('dies'), named('dies')])
    await app.worker(chancy)
    const done = await chancy.waitForJobs(refs)
    expect(done.map(({ state, errors }) => [state, errors[0]?.kind])).toEqual(
      Array(2).fill(['failed', 'crash']),
    )
  })

  const gathered = (wait: '1m' | '10ms', calls: number[][] = []) => {
    const many = job(
      { name: 'many', chunk: { size: 3, wait } },
      (items: readonly ChunkItem<{ n: number }>[]) => {
        calls.push(items.map(({ args }) => args.n))
        return items.map(({ args }) => args.n)
      },
    )
    return { many, calls }
  }

  it('waits for others that are pushed later, and begins when it is full', async () => {
    const { many, calls } = gathered('1m')
    const chancy = app.chancy({ jobs: many })
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1 }))
    await app.worker(chancy)
    const refs = []
    for (const n of [1, 2, 3]) {
      expect(calls).toEqual([])
      refs.push(await chancy.push(many.job.withArgs({ n })))
      // Claimed, and not begun.
      await chancy.waitForJob(refs.at(-1)!, { states: ['running', 'succeeded'] })
    }
    expect((await chancy.waitForJobs(refs)).map(({ result }) => result)).toEqual([1, 2, 3])
    expect(calls).toEqual([[1, 2, 3]])
  })

  it('begins with what there is when its first job has waited long enough', async () => {
    const { many, calls } = gathered('10ms')
    const chancy = app.chancy({ jobs: many })
    await app.worker(chancy)
    const ref = await chancy.push(many.job.withArgs({ n: 7 }))
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', result: 7 })
    expect(calls).toEqual([[7]])
  })

  it('that has not begun goes back without an attempt when the worker stops or is paused', async () => {
    const { many, calls } = gathered('1m')
    const chancy = app.chancy({ jobs: many })
    const worker = await app.worker(chancy)
    const refs = await chancy.pushMany([1, 2].map((n) => many.job.withArgs({ n })))
    await chancy.waitForJobs(refs, { states: ['running'] })
    expect(await chancy.cancel(refs[0]!)).toBe('requested')
    expect((await chancy.waitForJob(refs[0]!)).state).toBe('cancelled')
    await worker.pause()
    const paused = await chancy.waitForJob(refs[1]!, { states: ['pending'] })
    expect(paused.attempts).toBe(0)
    worker.resume()
    await chancy.waitForJob(refs[1]!, { states: ['running'] })
    await worker.stop()
    expect(await chancy.getJob(refs[1]!)).toMatchObject({ state: 'pending', attempts: 0 })
    expect(calls).toEqual([])
  })

  it('leaves the slots of its queue to other jobs while it gathers', async () => {
    const { many } = gathered('1m')
    const plain = job({ name: 'plain' }, () => 'done')
    const chancy = app.chancy({ jobs: [many, plain] })
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 2 }))
    await app.worker(chancy)
    const first = await chancy.push(many.job.withArgs({ n: 1 }))
    await chancy.waitForJob(first, { states: ['running'] })
    for (let n = 0; n < 3; n++)
      expect((await chancy.waitForJob(await chancy.push(plain))).result).toBe('done')
    const rest = await chancy.pushMany([2, 3].map((n) => many.job.withArgs({ n })))
    expect((await chancy.waitForJobs([first, ...rest])).map(({ result }) => result)).toEqual([
      1, 2, 3,
    ])
  })

  it('is saved under the fence of each job: what another attempt owns changes nothing', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = job(
      { name: 'held', chunk: { size: 2, wait: '1m' } },
      async (items: readonly ChunkItem<{ n: number }>[]) => {
        await held
        return items.map(({ args }) => args.n)
      },
    )
    const chancy = app.chancy({ jobs: slow })
    await app.worker(chancy)
    const refs = await chancy.pushMany([1, 2].map((n) => slow.job.withArgs({ n })))
    await chancy.waitForJobs(refs, { states: ['running'] })
    await until(
      async () => (await app.sql("SELECT 1 FROM $jobs WHERE state = 'running'")).length === 2,
    )
    await app.sql('UPDATE $jobs SET fence = fence + 1 WHERE id = $1', [refs[0]!.id])
    release()
    expect(await chancy.waitForJob(refs[1]!)).toMatchObject({ state: 'succeeded', result: 2 })
    expect(await chancy.getJob(refs[0]!)).toMatchObject({ state: 'running', result: null })
  })
})
