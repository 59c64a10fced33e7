import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('rude')]
const GARBAGE = [
  'F\tx\n',
  'R\t{"heapLimitBytes":1}\n',
  'p\n',
  'l1\tnonsense\n',
  'l1\t["loud",{},"x"]\n',
  'b1\n',
  'd1\n',
  'o1\t1,1,1\t{}\n',
  'o1\t1,1,1\t{"kind":"threw"}\n',
  'o1\t1,1,1\t{"kind":"snoozed"}\n',
  'hello\n',
  '\n',
]

describe.each(['process', 'thread'] as const)('a job in a child of %s', (kind) => {
  it.each(GARBAGE)('that writes %j as the child would loses its child', async (text) => {
    const executor = pools[kind]({ jobs, concurrency: 1 })
    const outcome = await start(executor, 'posts', { text }).ended
    expect(outcome).toMatchObject({ kind: 'child-lost', error: { code: 'CHILD_EXITED' } })
    expect((outcome as { error: Error }).error.message).toContain('not one of the executor')
    expect(await resultOf(start(executor, 'ok', { value: 1 }))).toBe(1)
  })

  it('that spoils the line of its own end loses its child with the next one', async () => {
    const executor = pools[kind]({ jobs, concurrency: 1 })
    const trials = [start(executor, 'posts', { text: 'x' }), start(executor, 'ok')]
    const kinds = await Promise.all(trials.map(({ ended }) => ended.then((end) => end.kind)))
    expect(kinds[0]).toBe('child-lost')
  })
})
