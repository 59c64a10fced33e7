import { describe, expect, it } from 'vitest'
import {
  type ChildAge,
  DEFAULT_JOBS_PER_CHILD,
  RecyclePolicy,
} from '../../../../src/executors/pool/recycle-policy.ts'

const BOOT_MS = 100
/** A child that was ready at 0 after a start of 100 ms. */
const child = (given: number, state = 'ready'): ChildAge => ({
  state,
  boot: { startedAt: -BOOT_MS, readyAt: 0 },
  attempts: { given },
})
const MIN_LIFE_MS = 50 * BOOT_MS

describe('a child is due to be replaced', () => {
  it.each([
    ['after a hundred jobs', undefined, 100, MIN_LIFE_MS + 1, true],
    ['not before', undefined, 99, MIN_LIFE_MS + 1, false],
    [
      'not before it has lived fifty times as long as it started',
      undefined,
      900,
      MIN_LIFE_MS,
      false,
    ],
    ['after the number that its queue sets', 3, 3, MIN_LIFE_MS + 1, true],
    ['never where its queue sets 0', 0, 1e6, 1e9, false],
  ] as const)('%s', (_title, maximum, given, now, isDue) => {
    expect(new RecyclePolicy(maximum).isDue(child(given), now)).toBe(isDue)
  })

  it.each(['booting', 'retiring', 'killed', 'gone'])('not while it is %s', (state) => {
    const policy = new RecyclePolicy(undefined)
    expect(policy.isDue(child(DEFAULT_JOBS_PER_CHILD, state), 1e9)).toBe(false)
    expect(policy.isSoonDue(child(DEFAULT_JOBS_PER_CHILD, state), 1e9)).toBe(false)
  })
})

describe('the successor of a child is started', () => {
  it.each([
    // Ten jobs in 1,000 ms are 100 ms each; the work that is left is compared with 300 ms.
    ['when the work left takes less than three starts', 12, 10, 1_000, true],
    ['not while more is left', 13, 10, 1_000, false],
    ['not before it has run anything', 1, 0, 1_000, false],
    ['where no number is set, only when the child is due', undefined, 99, MIN_LIFE_MS + 1, false],
    ['where no number is set, when the child is due', undefined, 100, MIN_LIFE_MS + 1, true],
    ['never where its queue sets 0', 0, 1e6, 1e9, false],
  ] as const)('%s', (_title, maximum, given, now, isSoonDue) => {
    expect(new RecyclePolicy(maximum).isSoonDue(child(given), now)).toBe(isSoonDue)
  })
})

describe('the quota of a child', () => {
  it.each([
    ['is the number that its queue sets', 3, 3],
    ['is open where its queue sets 0', 0, Number.POSITIVE_INFINITY],
    ['is open where its queue sets none', undefined, Number.POSITIVE_INFINITY],
  ] as const)('%s', (_title, maximum, quota) => {
    expect(new RecyclePolicy(maximum).quota).toBe(quota)
  })
})
