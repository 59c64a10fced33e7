import { describe, expect, it } from 'vitest'
import { parseSettings } from '../../../src/plugins/metrics/settings.ts'
import { stepOf, stepsOf } from '../../../src/plugins/metrics/steps.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const steps = stepsOf(undefined)
const nowMs = 1_000 * DAY
const named = (agoMs: number, lengthMs = agoMs): string =>
  stepOf(undefined, { fromMs: nowMs - agoMs, toMs: nowMs - agoMs + lengthMs, nowMs }, steps).name

describe('the step of a range', () => {
  it('is the shortest with at most 400 points that is kept as long', () => {
    expect(named(15 * MINUTE)).toBe('10s')
    expect(named(HOUR)).toBe('1m')
    expect(named(6 * HOUR)).toBe('1m')
    expect(named(7 * HOUR)).toBe('5m')
    expect(named(2 * DAY)).toBe('1h')
    expect(named(2 * DAY, HOUR)).toBe('5m')
    expect(named(10 * DAY)).toBe('1h')
    expect(named(30 * DAY)).toBe('1d')
    expect(named(700 * DAY)).toBe('1d')
  })

  it('is one that is stored, with at most 10,000 points', () => {
    const range = { fromMs: nowMs - 30 * DAY, toMs: nowMs, nowMs }
    expect(stepOf('1h', range, steps).name).toBe('1h')
    expect(stepOf(86_400_000, range, steps).name).toBe('1d')
    expect(() => stepOf('2m', range, steps)).toThrow(
      /expected one of 10s, 1m, 5m, 1h, 1d, got "2m"/,
    )
    expect(() => stepOf('10s', range, steps)).toThrow(/259200 points of 10s/)
  })
})

describe('the options of metrics', () => {
  it('say what is wrong', () => {
    for (const [options, message] of [
      [{ flush: '500ms' }, /flush: expected 1s to 1m, got "500ms"/],
      [{ flush: 'soon' }, /flush: expected a duration/],
      [{ series: 0 }, /series: expected a whole number from 1 to 10000, got 0/],
      [{ retention: { '10s': '1h' } }, /retention: unknown option "10s"/],
      [{ retention: { '1h': '1h' } }, /retention\["1h"\]: expected at least two points, got "1h"/],
      [{ sync: 1 }, /metrics: unknown option "sync"/],
    ] as const)
      expect(() => parseSettings(options)).toThrow(message)
  })

  it('have defaults, of which some may be given', () => {
    const { flushMs, series, steps: kept } = parseSettings({ retention: { '1m': '1d' } })
    expect({ flushMs, series }).toEqual({ flushMs: 10_000, series: 500 })
    expect(kept.map(({ name, keepMs }) => [name, keepMs / HOUR])).toEqual([
      ['10s', 0.25],
      ['1m', 24],
      ['5m', 72],
      ['1h', 1440],
      ['1d', 17_520],
    ])
  })
})
