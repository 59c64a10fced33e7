import { afterEach, describe, expect, it } from 'vitest'
import { launchProcess } from '../../dist/executors/launch/process-child.js'
import { launchThread } from '../../dist/executors/launch/thread-child.js'
import { ChildPool } from '../../dist/executors/pool/child-pool.js'
import { type AttemptHandle, resultOf, start } from '../support/executors.ts'
import { jobModule } from '../support/pools.ts'
import { until } from '../support/until.ts'

const SIZE = 2
const jobs = [jobModule('rude')]
const made: ChildPool[] = []

function poolOf(kind: 'process' | 'thread', maxWaitMs?: number): ChildPool {
  const launch = kind === 'process' ? launchProcess : launchThread
  const options = { jobs, size: SIZE, ...(maxWaitMs === undefined ? {} : { maxWaitMs }) }
  const pool = new ChildPool(kind, launch, options)
  made.push(pool)
  return pool
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((pool) => pool.stop({ graceMs: 0 })))
})

const cancel = (attempts: readonly AttemptHandle[]): void => {
  for (const { stop } of attempts) stop.ask('cancelled')
}
const pidOf = async (handle: AttemptHandle): Promise<unknown> => handle.begun

describe.each(['process', 'thread'] as const)('queues that share a pool of %s', (kind) => {
  it('have one child while nothing is to be done, however many they are', async () => {
    const pool = poolOf(kind)
    const queues = Array.from({ length: 10 }, () => pool.open({}))
    await Promise.all(queues.map((queue) => queue.start()))
    expect(pool.count).toBe(1)
    expect(
      await Promise.all(queues.map((queue) => resultOf(start(queue, 'ok', { value: 1 })))),
    ).toEqual(Array(10).fill(1))
  })

  it('run their jobs while another has long ones in all children', async () => {
    const pool = poolOf(kind)
    const long = pool.open({ concurrency: SIZE, killAfterMs: 200 })
    const other = pool.open({ concurrency: SIZE })
    const attempts = Array.from({ length: SIZE }, () => start(long, 'spins'))
    await until(() => long.running === SIZE && long.capacity === SIZE && pool.count === SIZE)
    expect(await resultOf(start(other, 'ok', { value: 7 }))).toBe(7)
    expect(long.running).toBe(SIZE)
    cancel(attempts)
    for (const { ended } of attempts) expect((await ended).kind).toBe('cancelled')
  })

  it('have a place for as many jobs as their concurrency allows', async () => {
    const pool = poolOf(kind)
    const queue = pool.open({ concurrency: 20, killAfterMs: 200 })
    const attempts = Array.from({ length: 20 }, () => start(queue, 'advances', { to: 1 }))
    await Promise.all(attempts.map(({ begun }) => begun))
    expect(pool.count).toBe(SIZE)
    cancel(attempts)
    await Promise.all(attempts.map(({ ended }) => ended))
  })

  it('return what waits behind a job that blocks its child, and take no more until it ends', async () => {
    const pool = poolOf(kind, 100)
    const queue = pool.open({ concurrency: 8, killAfterMs: 200 })
    await queue.start()
    const attempts = Array.from({ length: 8 }, () => start(queue, 'spins'))
    await until(() => queue.running === SIZE, { what: 'all except those that run to be returned' })
    expect(queue.capacity).toBe(SIZE)
    cancel(attempts)
    const kinds = await Promise.all(attempts.map(({ ended }) => ended.then(({ kind: end }) => end)))
    expect(kinds.filter((end) => end === 'cancelled').length).toBe(SIZE)
    expect(kinds.filter((end) => end === 'interrupted').length).toBe(8 - SIZE)
  })

  it('are notified when they can take more', async () => {
    const pool = poolOf(kind)
    const queue = pool.open({ concurrency: 8, killAfterMs: 200 })
    expect(queue.capacity).toBe(0)
    await queue.start()
    expect(queue.capacity).toBe(SIZE)
    const grown = new Promise<number>((resolve) => {
      queue.onCapacity = () => {
        if (queue.capacity > SIZE) resolve(queue.capacity)
      }
    })
    const first = start(queue, 'nap', { ms: 60_000 })
    expect(await grown).toBeGreaterThan(SIZE)
    cancel([first])
    await first.ended
  })
})

describe('queues that share a pool of processes', () => {
  it('never have jobs in one child at the same time', async () => {
    const pool = poolOf('process')
    const one = pool.open({ concurrency: 4, killAfterMs: 200 })
    const two = pool.open({ concurrency: 4, killAfterMs: 200 })
    const attempts = [one, two].map((queue) =>
      Array.from({ length: 4 }, () => start(queue, 'nap', { ms: 60_000 })),
    )
    const [pids, others] = await Promise.all(attempts.map((some) => Promise.all(some.map(pidOf))))
    expect(pids!.filter((pid) => others!.includes(pid))).toEqual([])
    expect(new Set([...pids!, ...others!]).size).toBeLessThanOrEqual(2 * SIZE)
    cancel(attempts.flat())
    await Promise.all(attempts.flat().map(({ ended }) => ended))
  })

  it('keep to their own number of jobs in a child, also after those of others', async () => {
    const pool = poolOf('process')
    const many = pool.open({ maximumJobsPerChild: 0 })
    const single = pool.open({ maximumJobsPerChild: 1 })
    const seen: unknown[] = []
    for (let round = 0; round < 3; round++) {
      seen.push(await pidOf(start(many, 'nap', { ms: 1 })))
      const alone = await pidOf(start(single, 'nap', { ms: 1 }))
      expect(seen).not.toContain(alone)
      seen.push(alone)
    }
  })

  it('end their jobs by force each after its own time', async () => {
    const pool = poolOf('process')
    const quick = pool.open({ killAfterMs: 50 })
    const slow = pool.open({ killAfterMs: 60_000 })
    const attempts = [quick, slow].map((queue) => start(queue, 'handles'))
    await Promise.all(attempts.map(pidOf))
    cancel(attempts)
    expect((await attempts[0]!.ended).kind).toBe('cancelled')
    expect(slow.running).toBe(1)
  })

  it('leave a pool that others continue to use', async () => {
    const pool = poolOf('process')
    const gone = pool.open({ killAfterMs: 200 })
    const stays = pool.open({})
    const attempts = [start(gone, 'spins'), start(stays, 'nap', { ms: 500 })]
    await pidOf(attempts[1]!)
    await gone.stop({ graceMs: 0 })
    expect((await attempts[0]!.ended).kind).toBe('interrupted')
    expect(await resultOf(attempts[1]!)).toBe('rested')
    expect(await resultOf(start(stays, 'ok', { value: 2 }))).toBe(2)
  })
})
