import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('forging')]
const isLinux = process.platform === 'linux'

/** Ways to write into the channel of a child process, or to take from it: each costs the child. */
const DAMAGING: readonly [how: string, fd?: number][] = [
  ['descriptors'],
  ['one descriptor', 4],
  ['one descriptor', 5],
  ['a frame', 4],
  ['a frame', 5],
  ['stolen input'],
  ['patched built-ins'],
]

describe('a job in a child process', () => {
  it.each(DAMAGING)('that forges outcomes by %s (%s) loses its child', async (how, fd) => {
    const executor = pools.process({ jobs, concurrency: 1 })
    const handle = start(executor, 'forges', { how, fd })
    // What is written for it arrives while it runs; what is taken from it is missed with the next.
    const next = [start(executor, 'victim'), start(executor, 'victim')]
    const outcome = await handle.ended
    if (outcome.kind !== 'returned') {
      expect(outcome).toMatchObject({ kind: 'child-lost', error: { code: 'CHILD_EXITED' } })
      expect((outcome as { error: Error }).error.message).toContain("executor's")
    }
    for (const one of next) {
      const end = await one.ended
      if (end.kind === 'returned') expect(end.result).toBe('"true"')
      else expect(end.kind).toBe('child-lost')
    }
    expect(await resultOf(start(executor, 'ok', { value: 1 }))).toBe(1)
  })

  it.each(DAMAGING)(
    'that forges outcomes by %s (%s) has none stored for another job of its child',
    async (how, fd) => {
      const executor = pools.process({ jobs, concurrency: 8 })
      await executor.start()
      const victims = Array.from({ length: 8 }, () => start(executor, 'victim'))
      await Promise.all(victims.map(({ begun }) => begun))
      void start(executor, 'forges', { how, fd })
      for (const { ended } of victims) {
        const outcome = await ended
        if (outcome.kind === 'returned') expect(outcome.result).toBe('"true"')
        else expect(['interrupted', 'child-lost']).toContain(outcome.kind)
      }
    },
  )
})

describe.each(['process', 'thread'] as const)('a job in a child of %s', (kind) => {
  it.each([
    'process.send',
    'parent port',
    'handles',
    ...(kind === 'process' && isLinux ? ['proc files'] : []),
  ])('that forges outcomes by %s speaks for no other', async (how) => {
    const executor = pools[kind]({ jobs, concurrency: 1 })
    const attempts = [start(executor, 'forges', { how }), start(executor, 'victim')]
    for (const { ended } of attempts) {
      const outcome = await ended
      if (outcome.kind === 'returned') expect(['"tried"', '"true"']).toContain(outcome.result)
      else expect(outcome.kind).toBe('child-lost')
    }
    expect(await resultOf(start(executor, 'ok', { value: 1 }))).toBe(1)
  })

  it('is not given the secret of its child', async () => {
    const executor = pools[kind]({ jobs, concurrency: 1 })
    const found = await resultOf(start(executor, 'searches'))
    const argv = kind === 'process' ? [JSON.stringify({ jobs, width: 1 })] : expect.any(Array)
    const workerData = kind === 'process' ? null : {}
    expect(found).toEqual({ argv, env: [], workerData })
  })
})

describe('results that are larger than a pipe', () => {
  it('come whole while attempts behind them are taken back', async () => {
    const executor = pools.process({ jobs, concurrency: 2 })
    const kib = 600
    const attempts = Array.from({ length: 120 }, (_, index) =>
      start(executor, 'large', { index, kib }),
    )
    for (const [index, handle] of attempts.entries()) {
      const text = `${index} `
      expect((await resultOf(handle)) === text.repeat((kib * 1_024) / text.length)).toBe(true)
    }
  })
})
