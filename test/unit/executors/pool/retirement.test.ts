import { describe, expect, it } from 'vitest'
import { RecyclePolicy } from '../../../../src/executors/pool/recycle-policy.ts'
import {
  isSpent,
  longestIdle,
  needsSuccessor,
  type RetirableChild,
  replacedBy,
} from '../../../../src/executors/pool/retirement.ts'

const NOW = 10_000
type Child = RetirableChild & { readonly attempts: { readonly size: number } }
const tenant = { policy: new RecyclePolicy(10) }
const child = (some: Partial<Omit<Child, 'attempts'>> & { given?: number; size?: number } = {}) => {
  const { given = 0, size = 0, ...others } = some
  return {
    state: 'ready',
    isIdle: size === 0,
    boot: { startedAt: 0, readyAt: 100 },
    activeAt: 0,
    tenant,
    attempts: { given, size },
    ...others,
  }
}

describe('a child is spent', () => {
  it.each([
    ['when it has run as many jobs as its tenant sets', child({ given: 10 }), true],
    ['not before', child({ given: 9 }), false],
    ['not before it has had a tenant', child({ given: 10, tenant: null }), false],
  ] as const)('%s', (_title, one, spent) => {
    expect(isSpent(one, NOW)).toBe(spent)
  })
})

describe('a child that becomes ready replaces', () => {
  const ready = child({ given: 10 })
  const spent = child({ given: 10 })
  const fresh = child({ given: 1 })

  it.each([
    ['one that is spent', [ready, fresh, spent], spent],
    ['one of several', [ready, spent, child({ given: 10 })], spent],
    ['none where none is spent', [ready, fresh], null],
    ['never itself', [ready], null],
  ] as const)('%s', (_title, children, replaced) => {
    expect(replacedBy(ready, children, NOW)).toBe(replaced)
  })
})

describe('a successor is needed', () => {
  it.each([
    ['for a busy child near its number', [child({ given: 10, size: 1 })], true],
    ['not for an idle one, whose end comes later', [child({ given: 10 })], false],
    ['not for one with many jobs left', [child({ given: 1, size: 1 })], false],
    ['not without children', [], false],
  ] as const)('%s', (_title, children, isNeeded) => {
    expect(needsSuccessor(children, 10_100)).toBe(isNeeded)
  })
})

describe('the child that makes way for another', () => {
  it('is the one that has been idle longest', () => {
    const old = child({ activeAt: 1 })
    const busy = child({ activeAt: 0, size: 1 })
    expect(longestIdle([child({ activeAt: 2 }), old, busy])).toBe(old)
  })

  it('is none while all are busy', () => {
    expect(longestIdle([child({ size: 1 })])).toBe(null)
  })
})
