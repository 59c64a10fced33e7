import { describe, expect, it } from 'vitest'
import { CronExpression, cronExpression } from '../../../../src/plugins/cron/expression.ts'

const utc = (text: string): CronExpression => new CronExpression(text, 'UTC', 'test')
const berlin = (text: string): CronExpression => new CronExpression(text, 'Europe/Berlin', 'test')
const iso = (date: Date | null | undefined): string => date?.toISOString() ?? 'none'

describe('the next tick', () => {
  it('is after the instant, never at it', () => {
    const every = utc('* * * * *')
    expect(iso(every.next(new Date('2026-01-01T00:00:00.000Z')))).toBe('2026-01-01T00:01:00.000Z')
    expect(iso(every.next(new Date('2025-12-31T23:59:59.999Z')))).toBe('2026-01-01T00:00:00.000Z')
  })

  it('is the one of the whole list and range for a time without a wildcard, not only of a single one', () => {
    // The rule of the library by default gives nothing in the gap for a list.
    const gap = berlin('30 2,14 * * *').next(new Date('2026-03-29T00:59:00Z'))
    expect(iso(gap)).toBe('2026-03-29T01:00:00.000Z')
  })

  it('leaves out the second of two equal times where the library matches it', () => {
    const first = berlin('30 2 * * *').next(new Date('2026-10-25T00:00:00Z'))
    expect(iso(first)).toBe('2026-10-25T00:30:00.000Z')
    expect(iso(berlin('30 2 * * *').next(first!))).toBe('2026-10-26T01:30:00.000Z')
  })

  it('comes decades later where the date is rare', () => {
    expect(iso(utc('0 0 29 2 +MON').next(new Date('2026-01-01')))).toBe('2044-02-29T00:00:00.000Z')
  })

  it('does not depend on the zone of the process', () => {
    const before = process.env.TZ
    try {
      process.env.TZ = 'Pacific/Auckland'
      expect(iso(utc('0 0 * * *').next(new Date('2026-01-01T12:00:00Z')))).toBe(
        '2026-01-02T00:00:00.000Z',
      )
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  })
})

describe('the latest ticks', () => {
  it('include one at the instant itself, which the library leaves out', () => {
    const at = new Date('2026-01-01T07:00:00Z')
    expect(utc('0 7 * * *').latest(2, at, 0).map(iso)).toEqual([
      '2025-12-31T07:00:00.000Z',
      '2026-01-01T07:00:00.000Z',
    ])
  })

  it('include none after the instant, to the millisecond', () => {
    const [tick] = utc('0 7 * * *').latest(1, new Date('2026-01-01T06:59:59.999Z'), 0)
    expect(iso(tick)).toBe('2025-12-31T07:00:00.000Z')
  })

  it('are those that the next ticks came to', () => {
    for (const text of ['*/7 * * * *', '30 2 * * *', '0 0 L * *', '15,45 1-3 * 3,10 SUN']) {
      const expression = berlin(text)
      const ticks: Date[] = []
      let at: Date | null = new Date('2026-03-20T00:00:00Z')
      while (ticks.length < 400) {
        at = expression.next(at!)
        ticks.push(at!)
      }
      expect(expression.latest(400, ticks.at(-1)!, 0)).toEqual(ticks)
    }
  })
})

describe('the nicknames', () => {
  it.each([
    ['@yearly', '2027-01-01T00:00:00.000Z'],
    ['@annually', '2027-01-01T00:00:00.000Z'],
    ['@monthly', '2026-06-01T00:00:00.000Z'],
    ['@weekly', '2026-05-24T00:00:00.000Z'],
    ['@daily', '2026-05-21T00:00:00.000Z'],
    ['@midnight', '2026-05-21T00:00:00.000Z'],
    ['@Hourly', '2026-05-20T11:00:00.000Z'],
  ])('%s', (text, tick) => {
    expect(iso(utc(text).next(new Date('2026-05-20T10:30:00Z')))).toBe(tick)
  })
})

describe('any text', () => {
  it('is refused as a whole or gives ticks, and the library never refuses what was taken', () => {
    const random = numbers(20_260_329)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
    const atoms = [
      '*',
      '?',
      '0',
      '1',
      '7',
      '12',
      '29',
      '31',
      '59',
      'L',
      'W',
      'LW',
      '#',
      '/',
      '-',
      ',',
      '+',
      'MON',
    ]
    const more = [
      'SUN',
      'JAN',
      'FEB',
      '15W',
      '5L',
      '5#2',
      '*/2',
      '1-5',
      '2-8/3',
      '@daily',
      '2026',
      'x',
      '\0',
      '1e3',
    ]
    let taken = 0
    for (let n = 0; n < 5_000; n++) {
      const fields = Array.from({ length: pick([5, 5, 5, 6]) }, () => {
        const items = random() < 0.7 ? [pick(['*', '?'])] : [pick([...atoms, ...more])]
        while (random() < 0.3) items.push(random() < 0.5 ? ',' : '', pick([...atoms, ...more]))
        return items.join('')
      })
      const text = fields.join(' ')
      let expression: CronExpression
      try {
        expression = utc(text)
      } catch (error) {
        expect((error as Error).name).toBe('ConfigError')
        continue
      }
      taken++
      const happens = expression.everHappens
      if (taken % 5 === 0) {
        const tick = expression.next(new Date('2026-01-01'))
        expect([text, tick !== null]).toEqual([text, happens])
      }
    }
    expect(taken).toBeGreaterThan(200)
  })
})

describe('expressions that several schedules have', () => {
  it('are parsed once, for each zone', () => {
    const one = cronExpression('0 7 * * *', 'UTC', 'test')
    expect(cronExpression('0 7 * * *', 'UTC', 'test')).toBe(one)
    expect(cronExpression('0 7 * * *', 'Europe/Berlin', 'test')).not.toBe(one)
  })
})

/** Numbers from 0 to 1 that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
