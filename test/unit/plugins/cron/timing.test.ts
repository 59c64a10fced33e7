import { describe, expect, it } from 'vitest'
import { readTiming } from '../../../../src/plugins/cron/stored-timing.ts'
import { type TimingOptions, timingOf } from '../../../../src/plugins/cron/timing.ts'

const declaredAt = new Date('2026-01-01T00:00:00.250Z')
const at = (text: string): Date => new Date(`2026-01-01T${text}Z`)
const make = (options: TimingOptions) => timingOf(options, declaredAt)
const iso = (ticks: readonly Date[]): string[] =>
  ticks.map((tick) => tick.toISOString().slice(11, 23))

describe('every', () => {
  it('counts from the first declaration, and comes first one interval later', () => {
    const timing = make({ every: '90s' })
    expect(timing.next(new Date('2025-01-01'))).toEqual(at('00:01:30.250'))
    expect(timing.next(at('00:01:30.250'))).toEqual(at('00:03:00.250'))
    expect(iso(timing.latest(3, at('00:04:00')))).toEqual(['00:01:30.250', '00:03:00.250'])
    expect(timing.latest(3, at('00:01:30.249'))).toEqual([])
  })

  it('counts from startsAt, which is its first tick', () => {
    const timing = make({ every: '10s', startsAt: at('00:00:05') })
    expect(timing.next(new Date('2025-01-01'))).toEqual(at('00:00:05'))
    expect(iso(timing.latest(2, at('00:00:25')))).toEqual(['00:00:15.000', '00:00:25.000'])
  })

  it('knows the newest ticks of years without a walk', () => {
    const timing = make({ every: '1s' })
    expect(timing.latest(1, new Date('2036-01-01T00:00:00.249Z'))).toEqual([
      new Date('2035-12-31T23:59:59.250Z'),
    ])
    expect(timing.count(declaredAt, new Date('2036-01-01'))).toBe(1_000)
  })

  it('counts the ticks from one instant to before another', () => {
    const timing = make({ every: '10s', startsAt: at('00:00:00') })
    expect(timing.count(at('00:00:00'), at('00:01:00'))).toBe(6)
    expect(timing.count(at('00:00:00.001'), at('00:01:00.001'))).toBe(6)
    expect(timing.count(at('00:01:00'), at('00:00:00'))).toBe(0)
  })
})

describe('the latest ticks', () => {
  it.each([{ every: '1m' }, { cron: '* * * * *' }] as const)(
    'of %o are later than a bound, where there is one',
    (options) => {
      const timing = make({ ...options, startsAt: at('00:00:00') })
      expect(iso(timing.latest(1_000, at('00:10:30'), at('00:08:00')))).toEqual([
        '00:09:00.000',
        '00:10:00.000',
      ])
      expect(iso(timing.latest(1, at('00:10:30'), at('00:08:00')))).toEqual(['00:10:00.000'])
      expect(timing.latest(1_000, at('00:10:30'), at('00:10:00'))).toEqual([])
    },
  )
})

describe('startsAt and endsAt', () => {
  const timing = make({ cron: '*/10 * * * *', startsAt: at('01:00:00'), endsAt: at('02:00:00') })

  it('are the first instant, and the first that is too late', () => {
    expect(timing.next(declaredAt)).toEqual(at('01:00:00'))
    expect(timing.next(at('01:50:00'))).toBeNull()
    expect([timing.isOver(at('01:59:59.999')), timing.isOver(at('02:00:00'))]).toEqual([
      false,
      true,
    ])
  })

  it('bound the latest ticks and the count', () => {
    expect(iso(timing.latest(10, at('03:00:00')))).toHaveLength(6)
    expect(iso(timing.latest(2, at('01:10:00')))).toEqual(['01:00:00.000', '01:10:00.000'])
    expect(timing.latest(2, at('00:59:59'))).toEqual([])
    expect(timing.count(declaredAt, at('03:00:00'))).toBe(6)
  })
})

describe('the count of ticks', () => {
  it.each(['*/7 * * * *', '30 2 * * *', '*/20 */30 2-4 * * SUN', '15,45 30 1,2 L * *'])(
    'of "%s" is what a walk from tick to tick counts, also through summer time',
    (cron) => {
      const timing = make({ cron, timeZone: 'Europe/Berlin' })
      for (const month of ['2026-03-20', '2026-07-01', '2026-10-20']) {
        for (let n = 0; n < 12; n++) {
          const from = new Date(Date.parse(month) + n * 7_654_321)
          const to = new Date(from.getTime() + n * n * 12_345_678)
          let walked = 0
          let tick = timing.nextFrom(from)
          while (tick !== null && tick < to && walked < 1_000) {
            walked++
            tick = timing.next(tick)
          }
          expect([month, n, timing.count(from, to)]).toEqual([month, n, walked])
        }
      }
    },
  )

  it('ends at 1,000 however long the time is', () => {
    const timing = make({ cron: '* * * * * *' })
    expect(timing.count(at('00:00:00'), at('00:10:00'))).toBe(600)
    expect(timing.count(at('00:00:00'), new Date('2036-01-01'))).toBe(1_000)
  })
})

describe('what a row keeps', () => {
  const kept: readonly TimingOptions[] = [
    { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
    { cron: '@daily', startsAt: at('00:00:00'), endsAt: new Date('2027-01-01') },
    { every: '90s' },
    { every: 1_000, startsAt: at('00:00:05'), endsAt: at('10:00:00') },
  ]
  it.each(kept)('gives the same ticks after a way through JSON: %o', (options) => {
    const timing = make(options)
    const read = readTiming(JSON.parse(JSON.stringify(timing.spec)))
    expect(read.spec).toEqual(timing.spec)
    let tick: Date | null = new Date('2025-12-31')
    for (let n = 0; n < 20 && tick !== null; n++) {
      expect(read.next(tick)).toEqual(timing.next(tick))
      tick = timing.next(tick)
    }
  })

  const cron = { version: 1, cron: '0 0 * * *', timeZone: 'UTC' }
  const every = { version: 1, every: 1_000, anchor: '2026-01-01T00:00:00.000Z' }
  it.each([
    [null, 'its timing is null'],
    [[], 'its timing is an array'],
    ['0 0 * * *', 'its timing is "0 0 * * *"'],
    [{ ...cron, version: 2 }, 'the version 2, this release knows 1'],
    [{ ...cron, version: undefined }, 'the version undefined'],
    [{ ...cron, holidays: 'DE' }, 'an unknown part "holidays"'],
    [{ ...every, timeZone: 'UTC' }, 'an unknown part "timeZone"'],
    [{ ...cron, cron: '0 0 * * * 2030-2040 *' }, 'a seventh field'],
    [{ ...cron, cron: 5 }, 'expected the text of a cron expression'],
    [{ ...cron, timeZone: 'Mars/Olympus' }, 'that this Node knows'],
    [{ ...cron, timeZone: undefined }, 'expected the IANA name of a zone'],
    [{ ...cron, endsAt: 'later' }, 'its endsAt is "later"'],
    [{ ...cron, startsAt: 5 }, 'its startsAt is 5'],
    [{ ...every, every: 10 }, 'its interval is 10'],
    [{ ...every, every: '1s' }, 'its interval is "1s"'],
    [{ ...every, anchor: undefined }, 'its anchor is undefined'],
  ])('is refused when this release does not understand it: %o', (spec, reason) => {
    expect(() => readTiming(spec)).toThrow(
      expect.objectContaining({
        code: 'SCHEDULE_UNREADABLE',
        message: expect.stringContaining(reason),
      }),
    )
  })
})
