import { describe, expect, it } from 'vitest'
import { backoffDelayMs, DEFAULT_BACKOFF, parseBackoff } from '../../../src/core/backoff.ts'
import { groupKey } from '../../../src/core/group-key.ts'
import { checkLimits, Limit, restoreLimits, storeLimits } from '../../../src/core/limit.ts'
import { isId, newId, Reference } from '../../../src/core/reference.ts'

describe('ids', () => {
  it('are version 7, hold the time, and rise also within a millisecond and when time steps back', () => {
    const now = Date.UTC(2030, 0, 1)
    let last = ''
    for (let count = 0; count < 20_000; count++) {
      const id = newId(count % 3 === 0 ? now - 5_000 : now)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(id > last).toBe(true)
      last = id
    }
    const ms = Number.parseInt(
      newId(now + 60_000)
        .replaceAll('-', '')
        .slice(0, 12),
      16,
    )
    expect(ms).toBe(now + 60_000)
  })

  it('are distinguished from other texts', () => {
    expect(
      [
        '018F0000-0000-7000-8000-000000000000',
        'x',
        '',
        null,
        7,
        '018f0000-0000-7000-8000-00000000000g',
      ].map(isId),
    ).toEqual([true, false, false, false, false, false])
  })
})

describe('references', () => {
  const id = '018f0000-0000-7000-8000-00000000abcd'
  it('are equal when their ids are, and are their id as text and as JSON', () => {
    const reference = Reference.from(id.toUpperCase())
    expect(reference.equals(new Reference(id, true))).toBe(true)
    expect(`${reference}`).toBe(id)
    expect(JSON.stringify({ reference })).toBe(`{"reference":"${id}"}`)
    expect(reference.created).toBe(false)
    expect(Object.isFrozen(reference)).toBe(true)
  })
  it.each([undefined, null, '', 'x', 7])('refuse %s as an id', (value) => {
    expect(() => Reference.from(value as string)).toThrow('expected the id of a job')
  })
})

describe('backoff', () => {
  it.each<[unknown, unknown]>([
    ['none', 'none'],
    [{}, DEFAULT_BACKOFF],
    [{ base: '10m' }, { ...DEFAULT_BACKOFF, baseMs: 600_000, maxMs: 600_000 }],
    [
      { base: 5, factor: 3, max: '1m', jitter: 0 },
      { baseMs: 5, factor: 3, maxMs: 60_000, jitter: 0 },
    ],
  ])('%j has the normal form %j', (value, normal) => {
    expect(parseBackoff(value, 'backoff')).toEqual(normal)
  })
  it.each([
    null,
    'never',
    5,
    [],
    { base: 'x' },
    { factor: 0.5 },
    { factor: Number.NaN },
    { jitter: 2 },
    { base: '2m', max: '1m' },
    { bas: 1 },
  ])('refuses %j', (value) => {
    expect(() => parseBackoff(value, 'backoff')).toThrow(/^backoff/)
  })
  it.each<[number, number, number]>([
    [1, 0, 1_000],
    [2, 0, 2_000],
    [3, 0, 4_000],
    [9, 0, 256_000],
    [10, 0, 300_000],
    [5_000, 0, 300_000],
    [1, 1, 800],
    [0, 0, 1_000],
  ])('after attempt %i with the draw %d waits %i ms', (attempt, draw, ms) => {
    expect(backoffDelayMs(DEFAULT_BACKOFF, attempt, () => draw)).toBe(ms)
  })
  it('does not wait with none or a base of 0', () => {
    expect(backoffDelayMs('none', 3)).toBe(0)
    expect(backoffDelayMs({ ...DEFAULT_BACKOFF, baseMs: 0 }, 5_000)).toBe(0)
  })
})

describe('limits', () => {
  it('are frozen data that a row can hold', () => {
    const limits = checkLimits([Limit.memory('1GiB'), Limit.time('60s')], 'limits')
    expect(limits).toEqual([
      { kind: 'memory', bytes: 2 ** 30 },
      { kind: 'time', ms: 60_000 },
    ])
    expect(storeLimits(limits)).toEqual({ memoryBytes: 2 ** 30, timeMs: 60_000 })
    expect(restoreLimits(storeLimits(limits))).toEqual(limits)
    expect(storeLimits([])).toEqual({})
    expect(Object.isFrozen(limits) && limits.every(Object.isFrozen)).toBe(true)
  })
  it.each<[string, () => unknown, string]>([
    ['too little memory', () => Limit.memory('95MiB'), 'at least 96MiB, got "95MiB"'],
    ['no time', () => Limit.time(0), 'at least 1ms'],
    ['two of a kind', () => checkLimits([Limit.time(1), Limit.time(2)], 'limits'), 'two of time'],
    ['no array', () => checkLimits(Limit.time(1), 'limits'), 'expected an array'],
    [
      'another kind',
      () => checkLimits([{ kind: 'cpu' }], 'limits'),
      'limits[0]: expected Limit.memory',
    ],
    ['a hole', () => checkLimits([null], 'limits'), 'limits[0]'],
  ])('refuse %s', (_, act, message) => {
    expect(act).toThrow(message)
  })
})

describe('group keys', () => {
  const args = {
    userId: 7,
    name: '7',
    zero: 0,
    empty: '',
    off: false,
    none: null,
    list: [],
    wide: 'x'.repeat(1_000),
  }
  const key = (key?: unknown): string =>
    groupKey(
      {
        name: 'greet',
        concurrency: { max: 1, ...(key === undefined ? {} : { key: key as string }) },
      },
      args,
    )
  it.each<[unknown, string]>([
    [undefined, 'greet'],
    ['userId', 'greet:userId=7'],
    ['name', 'greet:name="7"'],
    ['zero', 'greet:zero=0'],
    ['empty', 'greet:empty=""'],
    ['off', 'greet:off=false'],
    [(a: typeof args) => `${a.userId}:push`, 'greet:"7:push"'],
    [() => 0, 'greet:0'],
    [() => '', 'greet:""'],
  ])('of %s is %s', (source, text) => {
    expect(key(source)).toBe(text)
  })
  it.each<[string, unknown, string]>([
    ['a missing argument', 'absent', 'from the argument "absent", got undefined'],
    ['an inherited property', 'toString', 'got undefined'],
    ['null', 'none', 'got null'],
    ['an array', 'list', 'an array of 0'],
    ['NaN', () => Number.NaN, 'got NaN'],
    ['nothing', () => undefined, 'from its function, got undefined'],
    [
      'a throw',
      () => {
        throw new Error('boom')
      },
      'its function threw Error: boom',
    ],
    ['a key over 1,000 bytes', 'wide', 'at most 1000 bytes'],
  ])('refuse %s', (_, source, message) => {
    expect(() => key(source)).toThrow(message)
  })
})
