import { describe, expect, it } from 'vitest'
import { checkJitter, jitterOf } from '../../../../src/plugins/cron/jitter.ts'

const tickAt = (n: number): Date => new Date(Date.UTC(2026, 0, 1) + n * 60_000)

describe('jitter', () => {
  it('is the same for a key and a tick whenever it is worked out', () => {
    expect(jitterOf('report', tickAt(0), null, 3_600_000)).toBe(
      jitterOf('report', tickAt(0), null, 3_600_000),
    )
    expect(jitterOf('report', tickAt(0), null, 3_600_000)).not.toBe(
      jitterOf('report', tickAt(1), null, 3_600_000),
    )
    expect(jitterOf('report', tickAt(0), null, 3_600_000)).not.toBe(
      jitterOf('digest', tickAt(0), null, 3_600_000),
    )
  })

  it('stays below its bound, and below half the way to the next tick, over which it is spread evenly', () => {
    for (const [jitterMs, most] of [
      [10_000, 10_000],
      [3_600_000, 30_000],
    ] as const) {
      const found = Array.from({ length: 4_000 }, (_, n) =>
        jitterOf(`key ${n % 10}`, tickAt(n), tickAt(n + 1), jitterMs),
      )
      expect(found.every((ms) => Number.isInteger(ms) && ms >= 0 && ms < most)).toBe(true)
      const tenths = Array.from({ length: 10 }, () => 0)
      for (const ms of found) tenths[Math.floor((ms / most) * 10)]! += 1
      // Each holds 400, give or take: 100 is over five deviations.
      for (const count of tenths) expect(Math.abs(count - 400)).toBeLessThan(100)
    }
  })

  it('is from nothing to an hour', () => {
    expect([checkJitter(0, 'jitter'), checkJitter('1h', 'jitter')]).toEqual([0, 3_600_000])
    expect(() => checkJitter('61m', 'jitter')).toThrow('jitter: expected at most 1h')
    expect(() => checkJitter(-1, 'jitter')).toThrow('expected a duration')
    expect(jitterOf('report', tickAt(0), tickAt(1), 0)).toBe(0)
  })
})
