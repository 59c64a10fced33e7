import { describe, expect, it } from 'vitest'
import { choosePath, orderOf } from '../../../src/app/search/choose-path.ts'
import { compileFilter } from '../../../src/app/search/compile-filter.ts'
import { pathOfScalars } from '../../../src/app/search/json-path.ts'
import type { FindOrder } from '../../../src/app/search/search-options.ts'
import { parseFilter } from '../../../src/core/filter/filter-text.ts'
import { isMasked } from '../../../src/core/filter/masked-path.ts'
import {
  above,
  complement,
  intersection,
  thresholds,
  union,
} from '../../../src/core/filter/number-ranges.ts'

const NOW = Date.parse('2026-03-29T10:00:00Z')
const ID = '0198c1f2-7a3b-7c4d-8e5f-0123456789ab'

function queryOf(text: string, order?: FindOrder) {
  const conditions = compileFilter(parseFilter(text), { now: NOW, timeZone: 'UTC' })
  return choosePath(conditions, order ?? orderOf(conditions))
}

describe('The path of a filter', () => {
  it.each<[text: string, path: string, more?: object]>([
    ['', 'walk', { live: true, history: true }],
    [`id:${ID}`, 'ids', { known: [ID] }],
    ['id:0198c1f2', 'walk', { low: '0198c1f2-0000-0000-0000-000000000000' }],
    ['state:running', 'ids', { is_running: true, live: true, history: false }],
    [`workflow:${ID}`, 'ids', { of_workflows: [ID] }],
    ['unique:k state:waiting', 'ids', { of_uniques: ['k'], history: false }],
    ['unique:k', 'walk', { of_uniques: ['k'] }],
    ['unique:k state:succeeded', 'walk', { live: false }],
    [`worker:${ID}`, 'walk', { of_workers: [ID] }],
    ['queue:mail', 'walk', { of_queue: 'mail' }],
    ['queue:mail,sms queue:sms', 'walk', { of_queue: 'sms' }],
    ['queue:mail,sms', 'walk'],
    ['name:send', 'name', { of_name: 'send' }],
    ['name:send state:waiting', 'walk'],
    ['name:send*', 'walk'],
    ['name:send queue:mail', 'walk', { of_queue: 'mail' }],
    ['state:failed', 'ended'],
    ['state:failed,cancelled queue:mail', 'ended'],
    ['args.a:1', 'args', { has_value: true }],
    ['-args.a:1', 'walk', { has_value: false }],
    ['schedule:k', 'args'],
    ['args.a:1 name:send', 'name', { of_name: 'send' }],
    ['args.a:1 state:waiting', 'walk'],
    [
      'finished:2026-03-01',
      'walk',
      { live: false, since: Date.parse('2026-03-01'), until: Date.parse('2026-03-02') },
    ],
    ['wall:>5s', 'walk', { live: false }],
    ['-wall:>5s', 'walk', { live: true }],
  ])('of %j is %s', (text, path, more = {}) => {
    expect(queryOf(text)).toMatchObject({ path, ...more })
  })

  it('keeps a queue out of the index of names, and a name out of that of queues', () => {
    expect(queryOf('name:send queue:mail')).not.toHaveProperty('of_name')
    expect(queryOf('name:send*')).not.toHaveProperty('of_name')
  })

  it.each([
    'state:failed state:waiting',
    '-state:waiting,running,finished',
    'queue:a queue:b',
    'name:send name:digest',
    `id:${ID} id:0198c1f3`,
    'attempts:1 attempts:2',
    'finished:<1h state:waiting',
    'group:a group:b',
  ])('of %s is none: no job can fit, and the database is not asked', (text) => {
    expect(queryOf(text)).toBeNull()
  })

  it('bounds the ids by the time of creation, with room for a clock that is wrong', () => {
    const query = queryOf('created:2026-03-01')
    const at = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
    expect(at(query!.low!)).toBe(Date.parse('2026-03-01') - 600_000)
    expect(at(query!.high!)).toBe(Date.parse('2026-03-02') + 600_000)
  })

  it('refuses the order of a queue without one', () => {
    for (const text of ['', 'queue:a,b', 'queue:a queue:b'])
      expect(() => queryOf(text, 'line')).toThrow('needs a filter with one queue')
  })
})

describe('Ranges of numbers', () => {
  it('are joined, cut and turned around', () => {
    expect(
      union([
        [5, 7],
        [1, 3],
        [2, 5],
        [9, 9],
      ]),
    ).toEqual([[1, 7]])
    expect(complement([[1, 3]])).toEqual([
      [Number.NEGATIVE_INFINITY, 1],
      [3, Number.POSITIVE_INFINITY],
    ])
    expect(complement([])).toEqual([[Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]])
    expect(
      intersection(
        [
          [1, 5],
          [8, 10],
        ],
        [[4, 9]],
      ),
    ).toEqual([
      [4, 5],
      [8, 9],
    ])
    expect(thresholds(complement([]))).toBeNull()
    expect(thresholds(complement([[1, 3]]))).toEqual([-Number.MAX_VALUE, 1, 3])
    for (const number of [0, 1, -1, 5_000, 0.1, -0.1]) {
      expect(above(number)).toBeGreaterThan(number)
      expect((above(number) + number) / 2).toBeOneOf([number, above(number)])
    }
  })
})

describe('The path of scalars', () => {
  it('quotes whatever a name or a value holds', () => {
    const term = { path: ['a"b\\', '\u2028$'], values: ['") || true', -1.5, { number: '1e400' }] }
    expect(pathOfScalars([term])).toBe(
      'exists($."a\\"b\\\\"."\\u2028$" ? (@ == "\\") || true" || @ == (-1.5) || @ == 1e400))',
    )
    expect(pathOfScalars([])).toBeNull()
  })
})

describe('A masked path', () => {
  it.each([
    ['args.password', true],
    ['args.a.b.password', true],
    ['args.password.hint', true],
    ['args.customer.7.email', true],
    // An element of an array stands for the array.
    ['args.customer.email', true],
    ['args.customer.name', false],
    ['args.passwords', false],
    ['meta.customer.7.email', false],
  ])('%s is one: %s', (path, isHidden) => {
    expect(isMasked(path.split('.'), ['args.customer.*.email', '**.password'])).toBe(isHidden)
  })
})
