import { describe, expect, it } from 'vitest'
import { isChancyError } from '../../../src/core/errors.ts'
import { filterOf, printFilter } from '../../../src/core/filter/filter-print.ts'
import { parseFilter, readFilter } from '../../../src/core/filter/filter-text.ts'
import type { FilterTerm, JobFilter } from '../../../src/core/filter/job-filter.ts'
import { isTimeZone, timeRange } from '../../../src/core/filter/time-text.ts'
import { seededRandom } from '../../../src/core/seeded-random.ts'

const ID = '0198c1f2-7a3b-7c4d-8e5f-0123456789ab'

describe('The text of a filter', () => {
  it.each<[text: string, terms: FilterTerm[]]>([
    ['', []],
    ['  \n ', []],
    ['state:failed', [{ key: 'state', values: ['failed'] }]],
    ['-state:waiting,running', [{ key: 'state', values: ['waiting', 'running'], not: true }]],
    ['queue:mail,"a b"', [{ key: 'queue', values: ['mail', 'a b'] }]],
    ['queue:"say \\"hi\\" \\\\"', [{ key: 'queue', values: ['say "hi" \\'] }]],
    ['name:digest', [{ key: 'name', values: ['digest'] }]],
    ['name:mail.*,"mail.*"', [{ key: 'name', values: [{ prefix: 'mail.' }, 'mail.*'] }]],
    ['name:"a b"*', [{ key: 'name', values: [{ prefix: 'a b' }] }]],
    ['digest', [{ key: 'name', values: [{ prefix: 'digest' }] }]],
    ['-mail.d*', [{ key: 'name', values: [{ prefix: 'mail.d' }], not: true }]],
    ['"created:x"', [{ key: 'name', values: [{ prefix: 'created:x' }] }]],
    [ID.toUpperCase(), [{ key: 'id', values: [ID] }]],
    ['0198c1f2-7a', [{ key: 'id', values: ['0198c1f2-7a'] }]],
    ['0198c1f2-', [{ key: 'id', values: ['0198c1f2-'] }]],
    ['"0198c1f2"', [{ key: 'name', values: [{ prefix: '0198c1f2' }] }]],
    [`id:${ID},0198c1f2`, [{ key: 'id', values: [ID, '0198c1f2'] }]],
    ['failure:0123456789ABCDEF', [{ key: 'failure', values: ['0123456789abcdef'] }]],
    ['kind:timeout,crash', [{ key: 'kind', values: ['timeout', 'crash'] }]],
    [`worker:${ID}`, [{ key: 'worker', values: [ID] }]],
    ['group:user:7', [{ key: 'group', values: ['user:7'] }]],
    ['created:<2h', [{ key: 'created', values: [{ gt: '2h' }] }]],
    ['created:>=2h', [{ key: 'created', values: [{ lte: '2h' }] }]],
    ['created:1h..2h', [{ key: 'created', values: [{ gte: '2h', lte: '1h' }] }]],
    ['scheduled:<2h', [{ key: 'scheduled', values: [{ lt: '2h' }] }]],
    ['scheduled:1h..2h', [{ key: 'scheduled', values: [{ gte: '1h', lte: '2h' }] }]],
    [
      'finished:2026-03-01',
      [{ key: 'finished', values: [{ gte: '2026-03-01', lte: '2026-03-01' }] }],
    ],
    [
      'created:2026-03-01..2026-03-02T12:00Z',
      [{ key: 'created', values: [{ gte: '2026-03-01', lte: '2026-03-02T12:00Z' }] }],
    ],
    [
      'created:"2026-03-01 12:00",>2026-03-05',
      [
        {
          key: 'created',
          values: [{ gte: '2026-03-01 12:00', lte: '2026-03-01 12:00' }, { gt: '2026-03-05' }],
        },
      ],
    ],
    ['wait:>5s', [{ key: 'wait', values: [{ gt: 5_000 }] }]],
    ['attempts:>=2', [{ key: 'attempts', values: [{ gte: 2 }] }]],
    [
      'attempts:3,5..7',
      [
        {
          key: 'attempts',
          values: [
            { gte: 3, lte: 3 },
            { gte: 5, lte: 7 },
          ],
        },
      ],
    ],
    ['priority:-5..0', [{ key: 'priority', values: [{ gte: -5, lte: 0 }] }]],
    ['memory:<100MiB', [{ key: 'memory', values: [{ lt: 104_857_600 }] }]],
    ['args.user.id:7', [{ key: 'args', path: ['user', 'id'], values: [7] }]],
    [
      'args.a:"7",true,null,-1.5,x',
      [{ key: 'args', path: ['a'], values: ['7', true, null, -1.5, 'x'] }],
    ],
    [
      'meta."a.b:c"."":12345678901234567890',
      [
        {
          key: 'meta',
          path: ['a.b:c', ''],
          values: [{ number: '12345678901234567890' }],
        },
      ],
    ],
    [
      'args.n:7.0,1e3',
      [{ key: 'args', path: ['n'], values: [{ number: '7.0' }, { number: '1e3' }] }],
    ],
  ])('%j is read, and printed so that it is read as the same', (text, terms) => {
    const filter = parseFilter(text)
    expect(filter).toEqual({ terms })
    expect(parseFilter(printFilter(filter))).toEqual(filter)
    expect(filterOf(filter)).toEqual(filter)
  })

  it.each<[text: string, at: number, message: RegExp]>([
    ['sate:failed', 0, /unknown key "sate".*Did you mean "state"/],
    ['queue:mail state:faled', 17, /state: expected one of .*"faled".*Did you mean "failed"/],
    ['state:failed,', 13, /expected a value, got nothing/],
    ['state:', 6, /expected a value, got nothing/],
    ['-', 1, /expected a value, got nothing/],
    ['queue:"mail', 6, /expected " at the end/],
    ['queue:"mail"x', 12, /expected a space or a comma, got "x"/],
    ['queue:"a"*', 6, /only names may end with \*/],
    ['queue:""', 6, /expected a text, got ""/],
    ['id:0198', 3, /the first 8 digits/],
    ['worker:0198c1f2', 7, /expected an id/],
    ['failure:12', 8, /a fingerprint of 16 digits/],
    ['created:2h', 8, /write <2h or >2h/],
    ['created:yesterday', 8, /expected a time.*"yesterday"/],
    ['created:2026-02-30', 8, /expected a time/],
    ['created:2026-01-01T25:00', 8, /expected a time/],
    ['created:2h..1h', 8, /write 1h\.\.2h/],
    ['attempts:5..2', 9, /the smaller one comes first/],
    ['attempts:two', 9, /expected a whole number/],
    ['attempts:99999999999', 9, /expected a whole number/],
    ['wait:>5', 5, /expected a duration/],
    ['memory:>1TB', 7, /expected a size/],
    ['args:7', 0, /name a field, such as args\.user\.id:7/],
    ['args.:7', 5, /expected the name of a field/],
    ['state.x:failed', 6, /has no fields/],
    ['queue:\u0000', 6, /PostgreSQL cannot store/],
    ['queue:\ud800', 6, /PostgreSQL cannot store/],
    [`queue:${'x'.repeat(1_001)}`, 6, /at most 1000 bytes/],
    [Array(21).fill('state:failed').join(' '), 260, /at most 20 terms/],
    ['x'.repeat(65_537), 65_536, /at most 65536 characters/],
  ])('%j is refused with the place of what is wrong', (text, at, message) => {
    const refusal = refusalOf(() => parseFilter(text))
    expect(refusal.code).toBe('FILTER_INVALID')
    expect(refusal.message).toMatch(message)
    expect(refusal.details.at).toBe(at)
  })

  it('is read behind a mistake, so that each mistake is shown', () => {
    const { terms, mistakes } = readFilter('sate:failed queue:mail created:soon name:x')
    expect(terms.map(({ term: { key }, at, end }) => [key, at, end])).toEqual([
      ['queue', 12, 22],
      ['name', 36, 42],
    ])
    expect(mistakes.map(({ at, end }) => [at, end])).toEqual([
      [0, 4],
      [31, 35],
    ])
  })

  it('is no program: hostile texts are values or mistakes', () => {
    const random = seededRandom('hostile')
    const pieces = [
      '"',
      '\\',
      ':',
      ',',
      '-',
      '.',
      '..',
      '<',
      '>=',
      '*',
      ' ',
      '\n',
      "'",
      ';--',
      '$1',
    ]
    const words = [
      'state',
      'args',
      'created',
      'id',
      'failed',
      '2h',
      '🚀',
      '\u202e',
      '%',
      '_',
      '\u0000',
      ID,
    ]
    const all = [...pieces, ...words]
    for (let n = 0; n < 2_000; n++) {
      const length = Math.floor(random() * 12)
      const text = Array.from({ length }, () => all[Math.floor(random() * all.length)]).join('')
      const { terms, mistakes } = readFilter(text)
      for (const { at, end } of mistakes) {
        expect(at).toBeGreaterThanOrEqual(0)
        expect(end).toBeLessThanOrEqual(text.length)
        expect(end).toBeGreaterThanOrEqual(at)
      }
      const filter: JobFilter = { terms: terms.map(({ term }) => term) }
      expect(parseFilter(printFilter(filter))).toEqual(filter)
    }
  })

  it('is what a value prints, for 1,000 generated values', () => {
    const random = seededRandom('values')
    for (let n = 0; n < 1_000; n++) {
      const filter = {
        terms: Array.from({ length: Math.floor(random() * 6) }, () => anyTerm(random)),
      }
      expect(parseFilter(printFilter(filter)), printFilter(filter)).toEqual(filter)
      expect(filterOf(JSON.parse(JSON.stringify(filter)))).toEqual(filter)
    }
  })
})

describe('The value of a filter', () => {
  it.each<[given: unknown, message: RegExp]>([
    [null, /expected a text such as/],
    [7, /got 7/],
    [{ terms: [null] }, /unknown key undefined/],
    [{ terms: [{ key: 'state', values: [] }] }, /one value or more/],
    [{ terms: [{ key: 'state', values: ['FAILED'] }] }, /expected one of/],
    [{ terms: [{ key: 'queue', values: [7] }] }, /queue: expected a text, got 7/],
    [{ terms: [{ key: 'queue', values: ['a'], not: 1 }] }, /not: expected true or false/],
    [{ terms: [{ key: 'name', values: [{ prefix: 7 }] }] }, /name: expected a text or/],
    [{ terms: [{ key: 'args', values: [7] }] }, /path: expected a list/],
    [
      { terms: [{ key: 'args', path: ['a'], values: [Number.NaN] }] },
      /args: expected a text, a number/,
    ],
    [{ terms: [{ key: 'args', path: ['a'], values: [{ number: 'x' }] }] }, /args: expected/],
    [{ terms: [{ key: 'created', values: [{ gt: '1h', lt: '2h' }] }] }, /\{ gte, lte \}/],
    [{ terms: [{ key: 'created', values: [{ gt: 'soon' }] }] }, /expected a time/],
    [{ terms: [{ key: 'attempts', values: [{ gt: Number.POSITIVE_INFINITY }] }] }, /whole number/],
    [{ terms: [{ key: 'attempts', values: [{ around: 5 }] }] }, /expected \{ gt \}/],
    [{ terms: [{ key: 'constructor', values: ['x'] }] }, /unknown key "constructor"/],
  ])('%j is refused without a place', (given, message) => {
    const refusal = refusalOf(() => filterOf(given))
    expect(refusal.message).toMatch(message)
    expect(refusal.code).toBe('FILTER_INVALID')
    expect(refusal.details.at).toBeNull()
  })
})

describe('The times of a filter', () => {
  const now = Date.parse('2026-03-29T10:00:00Z')
  const at = (iso: string): number => Date.parse(iso)

  it('count back from now, and for what is scheduled forward', () => {
    const setting = { now, timeZone: 'UTC' }
    expect(timeRange({ gt: '2h' }, setting, false)).toEqual({ from: now - 7_200_000 + 1, to: null })
    expect(timeRange({ lt: '2h' }, setting, true)).toEqual({ from: null, to: now + 7_200_000 })
  })

  it.each([
    ['UTC', '2026-03-29T00:00Z', '2026-03-30T00:00Z'],
    // Clocks are set forward in this night, so the day has 23 hours.
    ['Europe/Berlin', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['America/New_York', '2026-03-29T04:00Z', '2026-03-30T04:00Z'],
    ['Pacific/Kiritimati', '2026-03-28T10:00Z', '2026-03-29T10:00Z'],
    ['Asia/Kathmandu', '2026-03-28T18:15Z', '2026-03-29T18:15Z'],
  ])('have days of the zone %s', (timeZone, from, to) => {
    const day = { gte: '2026-03-29', lte: '2026-03-29' }
    expect(timeRange(day, { now, timeZone }, false)).toEqual({ from: at(from), to: at(to) })
  })

  it('begin a day whose midnight is skipped at its first moment', () => {
    const day = { gte: '2018-11-04', lte: '2018-11-04' }
    const range = timeRange(day, { now, timeZone: 'America/Sao_Paulo' }, false)
    expect(range).toEqual({ from: at('2018-11-04T03:00Z'), to: at('2018-11-05T02:00Z') })
  })

  it('leave the end of a day out where a day is only greater', () => {
    const setting = { now, timeZone: 'UTC' }
    expect(timeRange({ gt: '2026-03-01' }, setting, false).from).toBe(at('2026-03-02T00:00Z'))
    expect(timeRange({ lt: '2026-03-01' }, setting, false).to).toBe(at('2026-03-01T00:00Z'))
    expect(timeRange({ lte: '2026-03-01T12:00+02:00' }, setting, false).to).toBe(
      at('2026-03-01T10:00Z') + 1,
    )
  })

  it('know the zones of this machine and no others', () => {
    expect(isTimeZone('Europe/Berlin')).toBe(true)
    expect(isTimeZone('Europe/Berlino')).toBe(false)
  })
})

function refusalOf(work: () => unknown) {
  try {
    work()
  } catch (error) {
    if (isChancyError(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}

function anyTerm(random: () => number): FilterTerm {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!
  const list = <T>(make: () => T): [T, ...T[]] => [make(), ...(random() < 0.4 ? [make()] : [])]
  const text = (): string =>
    pick([
      'a',
      '*',
      'a*',
      '"',
      '\\',
      'a b',
      '<2h',
      '7',
      'null',
      'é🚀',
      '-x',
      "';",
      'a,b',
      'a:b',
      '..',
    ])
  const not = random() < 0.3 ? { not: true } : {}
  const number = (): number => Math.floor(random() * 2_000_000) - 1_000_000
  const time = (): string => pick(['2026-03-01', '2026-03-01T12:00:00.123Z', '2026-03-01 09:30'])
  const make: (() => FilterTerm)[] = [
    () => ({ key: 'state', values: list(() => pick(['failed', 'waiting', 'running'])) }),
    () => ({ key: pick(['queue', 'group', 'unique', 'schedule']), values: list(text) }),
    () => ({
      key: 'name',
      values: list(() => (random() < 0.5 ? text() : { prefix: pick(['', text()]) })),
    }),
    () => ({ key: 'id', values: list(() => ID.slice(0, 8 + Math.floor(random() * 29))) }),
    () => ({
      key: pick(['args', 'meta']),
      path: list(() => pick(['', text()])),
      values: list(() => pick([text(), '', number(), random(), true, null, { number: '1e400' }])),
    }),
    () => ({
      key: pick(['created', 'started', 'finished', 'scheduled']),
      values: list(() =>
        pick([{ gt: time() }, { lte: time() }, { gte: time(), lte: time() }, { lt: '90m' }]),
      ),
    }),
    () => ({
      key: pick(['attempts', 'priority']),
      values: list(() => {
        const one = number()
        return pick([{ gt: one }, { gte: one, lte: one + 5 }, { gte: one, lte: one }])
      }),
    }),
    () => ({
      key: pick(['wait', 'wall', 'cpu', 'memory']),
      values: list(() => pick([{ gte: Math.abs(number()) }, { gte: 5, lte: 250 }])),
    }),
  ]
  return { ...pick(make)(), ...not }
}
