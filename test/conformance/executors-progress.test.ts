import { describe, expect, it } from 'vitest'
import { type AttemptHandle, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'
import { until } from '../support/until.ts'

const pools = testPools()
const jobs = [jobModule('rude')]

describe.each(['process', 'thread'] as const)('progress in %s', (kind) => {
  const advance = (args: object, limits = {}): AttemptHandle =>
    start(pools[kind]({ jobs, concurrency: 1 }), 'advances', args, limits)

  it('is known to the last value while the job runs', async () => {
    const handle = advance({ to: 5_000 })
    await until(() => handle.progress.at(-1) === 5_000)
    expect(handle.progress.length).toBeLessThan(50)
  })

  it('is known to the last value of a job that is stopped', async () => {
    const handle = advance({ to: 3, andThen: 'spin' }, { timeMs: 200 })
    expect((await handle.ended).kind).toBe('timed-out')
    expect(handle.progress).toEqual([1, 2, 3])
  })
})
