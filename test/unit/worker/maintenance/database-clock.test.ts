import { describe, expect, it } from 'vitest'
import { DatabaseClock } from '../../../../src/worker/maintenance/database-clock.ts'

/** A reading that took 10 ms, at this time of this process and of the database. */
const at = (
  ms: number,
  databaseMs: number,
  overdue: Record<string, number> = {},
  ahead: Record<string, number> = {},
) => ({
  askedAt: ms,
  answeredAt: ms + 10,
  databaseMs,
  expired: new Map(Object.entries(overdue)),
  ahead: new Map(Object.entries(ahead)),
})

describe('the clock of the database', () => {
  it('is steady while both advance alike, also slowly drifting', () => {
    const clock = new DatabaseClock(15_000)
    for (let pass = 0; pass < 100; pass++) {
      expect(clock.read(at(pass * 3_000, 1e12 + pass * 3_001))).toBe(0)
    }
    expect(clock.steadyMs(300_000)).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([26_000, 3_600_000, -26_000, -2_000])('has stepped by %i ms', (stepMs) => {
    const clock = new DatabaseClock(15_000)
    clock.read(at(0, 1e12))
    const found = clock.read(at(3_000, 1e12 + 3_000 + stepMs))
    expect(Math.abs(found - stepMs)).toBeLessThan(50)
    expect(clock.steadyMs(4_000)).toBe(990)
    expect(clock.read(at(6_000, 1e12 + 6_000 + stepMs))).toBe(0)
    expect(clock.steadyMs(18_020)).toBeGreaterThan(15_000)
  })

  it('may be read late without having stepped', () => {
    const clock = new DatabaseClock(15_000)
    clock.read({ ...at(0, 1e12 + 10), answeredAt: 4_000 })
    expect(clock.read({ ...at(5_000, 1e12 + 9_000), answeredAt: 9_000 })).toBe(0)
  })

  it('has stepped when a lease that was good has run out for longer than that is ago', () => {
    const clock = new DatabaseClock(15_000)
    expect(clock.read(at(0, 1e12, { old: 86_400_000 }))).toBe(0)
    const dead = { old: 86_403_000, dead: 2_500 }
    expect(clock.read(at(3_000, 1e12 + 3_000, dead))).toBe(0)
    expect(clock.read(at(6_000, 1e12 + 6_000, { ...dead, alive: 48_000 }))).toBeGreaterThan(40_000)
  })
  it('has stepped back when a renewal is in the future that was not before', () => {
    const clock = new DatabaseClock(3_000)
    expect(clock.read(at(0, 1e12, {}, { old: 3_600_000 }))).toBe(0)
    expect(clock.read(at(500, 1e12 + 500, {}, { old: 3_599_500, alive: 60_000 }))).toBe(-60_000)
    expect(clock.steadyMs(600)).toBe(90)
    expect(clock.read(at(1_000, 1e12 + 1_000, {}, { old: 3_599_000 }))).toBe(0)
  })
})
