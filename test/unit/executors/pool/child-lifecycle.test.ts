import { describe, expect, it } from 'vitest'
import { ChildLifecycle } from '../../../../src/executors/pool/child-lifecycle.ts'
import type { PooledAttempt } from '../../../../src/executors/pool/pooled-attempt.ts'

type Step = (child: ChildLifecycle) => unknown
const ready: Step = (child) => child.becameReady()
const close: Step = (child) => child.close()
const retireIdle: Step = (child) => child.retire(0, 5)
const retireBusy: Step = (child) => child.retire(1, 5)
const kill: Step = (child) => child.kill(null)
const gone: Step = (child) => child.gone()

describe('a child', () => {
  it.each([
    ['boots at first', [], 'booting', null],
    ['is ready when it has reported so', [ready], 'ready', null],
    ['is retiring when it gets no more', [ready, close], 'retiring', null],
    ['is not retired while it boots', [retireIdle], 'booting', null],
    ['ends when it is retired without attempts', [ready, retireIdle], 'retiring', 5],
    ['does not end before its attempts have', [ready, retireBusy], 'retiring', null],
    ['ends when its last attempt has', [ready, retireBusy, retireIdle], 'retiring', 5],
    ['is killed in any state', [ready, retireIdle, kill], 'killed', 5],
    ['is not ready after it was killed', [kill, ready], 'killed', null],
    ['is not retired after it was killed', [ready, kill, retireIdle], 'killed', null],
    ['stays gone', [ready, gone, kill, close], 'gone', null],
  ] as const)('%s', (_title, steps, state, retiredAt) => {
    const child = new ChildLifecycle()
    for (const step of steps as readonly Step[]) step(child)
    expect(child).toMatchObject({ state, retiredAt })
  })

  it('is asked to end once', () => {
    const child = new ChildLifecycle()
    child.becameReady()
    expect([child.retire(0, 5), child.retire(0, 6)]).toEqual([true, false])
    expect(child.retiredAt).toBe(5)
  })

  it('is killed for the first attempt that is named', () => {
    const child = new ChildLifecycle()
    const [first, second] = [{}, {}] as [PooledAttempt, PooledAttempt]
    child.kill(null)
    child.kill(first)
    child.kill(second)
    expect(child.killedFor).toBe(first)
  })
})
