import { describe, expect, it } from 'vitest'
import { ReadAhead } from '../../../src/worker/read-ahead.ts'

/** Bursts of `count` jobs that take `burstMs` together, `gapMs` apart; from `nowMs` on, to the end. */
function bursts(
  readAhead: ReadAhead,
  nowMs: number,
  times: number,
  { count, burstMs, gapMs }: { count: number; burstMs: number; gapMs: number },
): number {
  let now = nowMs
  const heldMs = burstMs / count
  for (let n = 0; n < times; n++) {
    for (let i = 0; i < count; i++) {
      now += heldMs
      readAhead.ended(now, heldMs)
    }
    readAhead.idle(now)
    now += gapMs
  }
  return now
}

/** A process has been there for a while when its queue starts. */
const START_MS = 90_000

function started(): ReadAhead {
  const readAhead = new ReadAhead()
  readAhead.idle(START_MS - 100)
  return readAhead
}

describe('how many jobs are read ahead', () => {
  it('is none before anything has ended', () => {
    expect(started().jobs).toBe(0)
  })

  it('begins with a few after the first burst', () => {
    const readAhead = started()
    bursts(readAhead, START_MS, 1, { count: 100, burstMs: 2, gapMs: 5 })
    // As if they had taken 20 ms.
    expect(readAhead.jobs).toBe(250)
  })

  it.each([0, 5, 50, 5_000])(
    'is what ends in 50 ms, whatever passes between bursts: %i ms',
    (gapMs) => {
      const readAhead = started()
      bursts(readAhead, START_MS, 200, { count: 100, burstMs: 4, gapMs })
      // 25 a millisecond.
      expect(readAhead.jobs).toBeGreaterThan(1_200)
      expect(readAhead.jobs).toBeLessThanOrEqual(1_250)
    },
  )

  it('is bounded, and follows when jobs take longer', () => {
    const readAhead = started()
    const now = bursts(readAhead, START_MS, 200, { count: 1_000, burstMs: 4, gapMs: 5 })
    expect(readAhead.jobs).toBe(3_000)
    bursts(readAhead, now, 200, { count: 10, burstMs: 20, gapMs: 5 })
    expect(readAhead.jobs).toBeLessThan(30)
  })

  it('is none as soon as one job takes longer than 50 ms, until they are short again', () => {
    const readAhead = started()
    let now = bursts(readAhead, START_MS, 200, { count: 100, burstMs: 4, gapMs: 5 })
    readAhead.ended(now + 51, 51)
    expect(readAhead.jobs).toBe(0)
    readAhead.idle(now + 51)
    now = bursts(readAhead, now + 60, 200, { count: 100, burstMs: 4, gapMs: 5 })
    expect(readAhead.jobs).toBeGreaterThan(1_200)
  })
})
