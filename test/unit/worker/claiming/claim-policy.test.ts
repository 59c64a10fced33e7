import { describe, expect, it } from 'vitest'
import {
  claimLimit,
  isClaimWorthwhile,
  Prefetch,
} from '../../../../src/worker/claiming/claim-policy.ts'

const demand = { slots: 10, prefetch: 0, held: 0, claimsInFlight: 0, maxClaim: 1_000 }

describe('a claim', () => {
  it.each([
    ['requests all slots while no job is held', {}, 10],
    ['requests the slots that are free', { held: 7 }, 3],
    ['is not made while no slot is free', { held: 10 }, 0],
    ['is not made while more jobs are held than there are slots', { slots: 2, held: 10 }, 0],
    ['requests the prefetch beyond the slots', { prefetch: 30, held: 10 }, 30],
    ['is not made for a small part of the prefetch', { prefetch: 30, held: 30 }, 0],
    ['requests slots and prefetch while no job is held', { slots: 2, prefetch: 300 }, 302],
    ['requests a thousand jobs at most', { slots: 5_000 }, 1_000],
    ['requests fewer jobs after the server refused a claim', { maxClaim: 4 }, 4],
    ['is made beside another one', { claimsInFlight: 1, held: 4 }, 6],
    ['is not made beside two others', { claimsInFlight: 2, held: 4 }, 0],
  ] as const)('%s', (_title, change, limit) => {
    expect(claimLimit({ ...demand, ...change })).toBe(limit)
  })
})

describe('a claim is worth its round trip', () => {
  it.each([
    ['for any free slot while no job is held', { slots: 1, prefetch: 3_000, held: 0 }, true],
    ['for any free slot without a prefetch', { slots: 10, prefetch: 0, held: 9 }, true],
    ['for more than a third of the prefetch', { slots: 10, prefetch: 30, held: 29 }, true],
    ['not for a third of the prefetch', { slots: 10, prefetch: 30, held: 30 }, false],
    ['not for one job of a large prefetch', { slots: 10, prefetch: 30, held: 39 }, false],
    ['not without a free slot', { slots: 10, prefetch: 0, held: 10 }, false],
    ['not where the executor takes no attempt', { slots: 0, prefetch: 0, held: 0 }, false],
  ] as const)('%s', (_title, change, isWorthwhile) => {
    expect(isClaimWorthwhile(change)).toBe(isWorthwhile)
  })
})

/** Bursts of `count` jobs that take `burstMs` together, `gapMs` apart; from `nowMs` on, to the end. */
function bursts(
  prefetch: Prefetch,
  nowMs: number,
  times: number,
  { count, burstMs, gapMs }: { count: number; burstMs: number; gapMs: number },
): number {
  let now = nowMs
  const heldMs = burstMs / count
  for (let n = 0; n < times; n++) {
    for (let i = 0; i < count; i++) {
      now += heldMs
      prefetch.ended(now, heldMs)
    }
    prefetch.idle(now)
    now += gapMs
  }
  return now
}

/** A process has been there for a while when its queue starts. */
const START_MS = 90_000

function started(): Prefetch {
  const prefetch = new Prefetch()
  prefetch.idle(START_MS - 100)
  return prefetch
}

describe('the prefetch', () => {
  it('is none before anything has ended', () => {
    expect(started().jobs).toBe(0)
  })

  it('begins with a few after the first burst', () => {
    const prefetch = started()
    bursts(prefetch, START_MS, 1, { count: 100, burstMs: 2, gapMs: 5 })
    // As if they had taken 20 ms.
    expect(prefetch.jobs).toBe(250)
  })

  it.each([0, 5, 50, 5_000])(
    'is what ends in 50 ms, whatever passes between bursts: %i ms',
    (gapMs) => {
      const prefetch = started()
      bursts(prefetch, START_MS, 200, { count: 100, burstMs: 4, gapMs })
      // 25 a millisecond.
      expect(prefetch.jobs).toBeGreaterThan(1_200)
      expect(prefetch.jobs).toBeLessThanOrEqual(1_250)
    },
  )

  it('is bounded, and follows when jobs take longer', () => {
    const prefetch = started()
    const now = bursts(prefetch, START_MS, 200, { count: 1_000, burstMs: 4, gapMs: 5 })
    expect(prefetch.jobs).toBe(3_000)
    bursts(prefetch, now, 200, { count: 10, burstMs: 20, gapMs: 5 })
    expect(prefetch.jobs).toBeLessThan(30)
  })

  it('is none as soon as one job takes longer than 50 ms, until they are short again', () => {
    const prefetch = started()
    let now = bursts(prefetch, START_MS, 200, { count: 100, burstMs: 4, gapMs: 5 })
    prefetch.ended(now + 51, 51)
    expect(prefetch.jobs).toBe(0)
    prefetch.idle(now + 51)
    now = bursts(prefetch, now + 60, 200, { count: 100, burstMs: 4, gapMs: 5 })
    expect(prefetch.jobs).toBeGreaterThan(1_200)
  })
})
