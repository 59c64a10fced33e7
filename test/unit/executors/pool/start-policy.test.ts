import { describe, expect, it } from 'vitest'
import {
  childrenToStart,
  type Demand,
  type GroupNeeds,
} from '../../../../src/executors/pool/start-policy.ts'

const demand = (rest: Partial<Demand> = {}): Demand => {
  return { lacks: 1, hasChild: false, isAlone: false, waitedMs: 0, ...rest }
}
const needs = (some: Partial<GroupNeeds>): GroupNeeds => ({
  size: 2,
  shared: 0,
  booting: 0,
  demands: [],
  isPlain: false,
  present: 1,
  needsSuccessor: false,
  ...some,
})

describe('children are started', () => {
  it.each([
    ['not while nothing waits', { size: 2, shared: 1, booting: 0, demands: [] }, 0],
    [
      'immediately for a queue that has none',
      { size: 2, shared: 0, booting: 0, demands: [demand()] },
      1,
    ],
    [
      'for a queue that has one when an attempt has waited for a moment',
      { size: 2, shared: 1, booting: 0, demands: [demand({ hasChild: true, waitedMs: 20 })] },
      1,
    ],
    [
      'not for a queue that has one that will be free in a moment',
      { size: 2, shared: 1, booting: 0, demands: [demand({ hasChild: true, waitedMs: 19 })] },
      0,
    ],
    [
      'not beyond the size of the pool',
      { size: 2, shared: 2, booting: 0, demands: [demand({ hasChild: true, waitedMs: 900 })] },
      0,
    ],
    [
      'beyond its size for a queue that has had none for a while',
      { size: 2, shared: 2, booting: 0, demands: [demand({ waitedMs: 500 })] },
      1,
    ],
    [
      'once for what waits, and not again while it starts',
      { size: 2, shared: 3, booting: 1, demands: [demand({ waitedMs: 900 })] },
      0,
    ],
    [
      'beyond its size not before a child of another queue may be free',
      { size: 2, shared: 2, booting: 0, demands: [demand({ waitedMs: 499 })] },
      0,
    ],
    [
      'beyond its size one at a time',
      {
        size: 2,
        shared: 2,
        booting: 0,
        demands: [demand({ waitedMs: 500 }), demand({ waitedMs: 600 }), demand({ waitedMs: 700 })],
      },
      1,
    ],
    [
      'for jobs that need one each as many at a time as the pool has',
      { size: 2, shared: 2, booting: 0, demands: [demand({ isAlone: true, lacks: 9 })] },
      2,
    ],
    [
      'for jobs that need one each when the ones before have started',
      { size: 2, shared: 2, booting: 1, demands: [demand({ isAlone: true, lacks: 9 })] },
      1,
    ],
  ] as const)('%s', (_title, some, count) => {
    expect(childrenToStart(needs(some))).toBe(count)
  })
})

describe('the children without a memory limit', () => {
  it.each([
    ['are one at least', { present: 0 }, 1],
    ['are no more than needed beside that', { present: 0, demands: [demand({ lacks: 2 })] }, 2],
    ['get a successor before one of them ends', { needsSuccessor: true }, 1],
    ['get it once', { needsSuccessor: true, booting: 1, present: 2 }, 0],
    [
      'get it by a child that is started anyway',
      { needsSuccessor: true, demands: [demand()], shared: 1 },
      1,
    ],
    ['have none started while they suffice', {}, 0],
  ] as const)('%s', (_title, some, count) => {
    expect(childrenToStart(needs({ isPlain: true, present: 1, ...some }))).toBe(count)
  })

  it('are the only ones of which one is always there', () => {
    expect(childrenToStart(needs({ present: 0, needsSuccessor: true }))).toBe(0)
  })
})
