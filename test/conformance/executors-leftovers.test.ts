import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { isRunning } from '../support/limit-trials.ts'
import { jobModule, keptLog, testPools } from '../support/pools.ts'
import { until } from '../support/until.ts'

const pools = testPools()
const jobs = [jobModule('rude')]

describe('a child that a job has left unusable', () => {
  it.each([
    ['process', 'spin'],
    ['process', 'spin and print'],
    ['process', 'stop'],
    ['process', 'close'],
    ['thread', 'spin'],
  ] as const)('in %s, by "%s", loses no job and is replaced', async (kind, what) => {
    const { log, said } = keptLog()
    const executor = pools[kind]({ jobs, concurrency: 1, log })
    const pid = (await resultOf(start(executor, 'leaves', { what }))) as number
    await said(/the rest begins/)
    const next = [0, 1, 2].map((value) => start(executor, 'ok', { value }, { timeMs: 20_000 }))
    expect(await Promise.all(next.map(resultOf))).toEqual([0, 1, 2])
    expect(await said(/does not begin what it is sent/)).toMatchObject({ level: 'warn' })
    if (kind === 'process') await until(() => !isRunning(pid), { timeoutMs: 3_000 })
  })
})

describe.each(['process', 'thread'] as const)('what a job leaves behind in %s', (kind) => {
  it.each(['rejects', 'throws'])('that %s is not charged to the next', async (what) => {
    const { log, said } = keptLog()
    const executor = pools[kind]({ jobs, concurrency: 1, log })
    const first = start(executor, 'lingers', { what })
    expect(await resultOf(first)).toBe('done')
    const next = start(executor, 'nap', { ms: 300 })
    expect(await said(/uncaught exception|unhandled rejection/)).toMatchObject({
      level: 'error',
      fields: { job: first.id, name: 'lingers', err: { message: 'left behind' } },
    })
    expect(await resultOf(next)).toBe('rested')
  })

  it('that ends the child is no crash of the next', async () => {
    const executor = pools[kind]({ jobs, concurrency: 1 })
    await start(executor, 'lingers', { what: 'exits', ms: 1_000 }).ended
    expect(await start(executor, 'nap', { ms: 5_000 }).ended).toMatchObject({ kind: 'interrupted' })
    expect(await resultOf(start(executor, 'nap'))).toBe('rested')
  })
})
