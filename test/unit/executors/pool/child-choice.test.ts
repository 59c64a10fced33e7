import { describe, expect, it } from 'vitest'
import {
  type CandidateChild,
  type ChildChoice,
  chooseChild,
  type QueueSlots,
  type WaitingBacklog,
} from '../../../../src/executors/pool/child-choice.ts'
import { RecyclePolicy } from '../../../../src/executors/pool/recycle-policy.ts'
import type { Tenant } from '../../../../src/executors/pool/tenant.ts'

interface Child extends CandidateChild {
  readonly name: string
}

const policy = new RecyclePolicy(undefined)
const self: Tenant = { width: 1, isAlone: false, killAfterMs: 5_000, policy }
const other: Tenant = { ...self }

/** A ready child of the backlog under test; `size` attempts are in it. */
function child(name: string, size: number, some: Partial<Child> = {}): Child {
  const isIdle = size === 0
  const tenant = some.tenant === undefined ? self : some.tenant
  return {
    name,
    isIdle,
    tenant,
    attempts: { size },
    slots: 1,
    ahead: 0,
    takes: (one) => isIdle || one === tenant || (tenant === self && one !== other),
    ...some,
  }
}

function choose(
  children: readonly Child[],
  slots: Partial<QueueSlots> = {},
  some: Partial<Tenant> = {},
): string {
  const all: Child[] = []
  const backlog: WaitingBacklog<Child> = {
    ...self,
    ...some,
    busyChildren: children.filter(({ isIdle, tenant }) => !isIdle && tenant === self),
    group: { children: all },
  }
  // The tenant of an idle child is the backlog that has used it last.
  for (const one of children) all.push(one.tenant === self ? { ...one, tenant: backlog } : one)
  const choice: ChildChoice<Child> = chooseChild(backlog, {
    share: 2,
    concurrency: 4,
    used: 0,
    isStarving: false,
    ...slots,
  })
  return 'child' in choice ? `${choice.kind} ${choice.child.name}` : choice.kind
}

describe('the next attempt of a backlog', () => {
  it.each([
    ['goes to an idle child', [child('a', 0)], {}, 'free a'],
    ['goes to an idle child of another queue', [child('a', 0, { tenant: other })], {}, 'free a'],
    ['goes to an idle child that was never used', [child('a', 0, { tenant: null })], {}, 'free a'],
    [
      'goes to a child with a free slot',
      [child('a', 1, { slots: 2 }), child('b', 1, { tenant: other, slots: 2 })],
      {},
      'free a',
    ],
    [
      'goes to the child with the least to do',
      [child('a', 2, { slots: 4 }), child('b', 1, { slots: 4 })],
      {},
      'free b',
    ],
    [
      'goes to an idle child rather than beside another attempt',
      [child('a', 1, { slots: 2 }), child('b', 0, { tenant: other })],
      {},
      'free b',
    ],
    ['waits while the children of its queue are full', [child('a', 1)], {}, 'none'],
    ['waits where there is no child', [], {}, 'none'],
    [
      'waits for a child that takes nothing now',
      [child('a', 0, { takes: () => false })],
      {},
      'none',
    ],
    [
      'does not get a child beyond the share of its queue',
      [child('a', 1), child('b', 1), child('c', 0)],
      {},
      'none',
    ],
    [
      'does not get a child that its queue has beyond its share',
      [child('a', 1), child('b', 1), child('c', 1, { slots: 2 })],
      {},
      'none',
    ],
    ['needs a slot of its queue', [child('a', 0)], { used: 4 }, 'no-slot'],
    ['is sent ahead to a child whose jobs are short', [child('a', 1, { ahead: 3 })], {}, 'busy a'],
    ['is sent ahead without a slot', [child('a', 1, { ahead: 3 })], { used: 4 }, 'busy a'],
    [
      'is sent ahead to the child with the least to do',
      [child('a', 3, { ahead: 9 }), child('b', 2, { ahead: 9 })],
      {},
      'busy b',
    ],
    ['is not sent ahead beyond what the child can use', [child('a', 4, { ahead: 3 })], {}, 'none'],
    [
      'is not sent ahead while another backlog of its queue waits for a slot',
      [child('a', 1, { ahead: 3 })],
      { isStarving: true },
      'none',
    ],
    [
      'takes a slot rather than being sent ahead',
      [child('a', 1, { ahead: 3 }), child('b', 0)],
      {},
      'free b',
    ],
  ] as const)('%s', (_title, children, slots, choice) => {
    expect(choose(children, slots)).toBe(choice)
  })

  it('goes to the idle child that has loaded its jobs, and not to the first', () => {
    expect(choose([child('a', 0, { tenant: other }), child('b', 0)])).toBe('free b')
  })

  it('has a child for itself beyond the share, where it needs one alone', () => {
    const children = [child('a', 1), child('b', 1), child('c', 0)]
    expect(choose(children, {}, { isAlone: true })).toBe('free c')
  })
})
