import { describe, expect, it } from 'vitest'
import {
  checkInteger,
  checkOneOf,
  checkOptions,
  checkText,
  inspect,
} from '../../../src/core/check.ts'
import { durationMs } from '../../../src/core/duration.ts'
import {
  AttemptError,
  ChancyError,
  ConfigError,
  DatabaseError,
  errorCatalogue,
  isChancyError,
  MigrationsNeededError,
  NotFoundError,
} from '../../../src/core/errors.ts'
import { showSize, sizeBytes } from '../../../src/core/size.ts'

const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('no')
    },
    getPrototypeOf() {
      throw new Error('no')
    },
  },
)

describe('errors', () => {
  it('carry code, name, details and cause', () => {
    const cause = new Error('socket')
    const error = new DatabaseError('gone', {
      code: 'DATABASE_UNREACHABLE',
      details: { host: 'a' },
      cause,
    })
    expect(error).toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      name: 'DatabaseError',
      details: { host: 'a' },
      cause,
    })
    expect(Object.keys(error)).toEqual(['code', 'details'])
    expect(new MigrationsNeededError('old')).toBeInstanceOf(DatabaseError)
    expect(new NotFoundError('JOB_NOT_FOUND', 'x').code).toBe('JOB_NOT_FOUND')
    expect(new AttemptError('CHILD_EXITED', 'x').name).toBe('AttemptError')
    expect('cause' in new ChancyError('CLOSED', 'x')).toBe(false)
  })

  it('are known by their brand, also those of another copy of the package', () => {
    const other = Object.assign(new Error('x'), { [Symbol.for('chancy.error')]: true })
    expect([new ConfigError('x'), other, new Error('x'), null, 'x'].map(isChancyError)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  it('have one sentence each in the catalogue', () => {
    for (const [code, text] of Object.entries(errorCatalogue)) {
      expect(code).toMatch(/^[A-Z_]+$/)
      expect(text).toMatch(/^[A-Z].+\.$/)
    }
  })
})

describe('option checks', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['x'.repeat(200), `"${'x'.repeat(80)}…"`],
    [10n, '10n'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [new Date(Number.NaN), 'Invalid Date'],
    [[1, 2], 'an array of 2'],
    [{ a: 1, b: 2 }, '{ a, b }'],
    [new Map(), 'a Map'],
    [function greet() {}, 'function greet'],
  ])('inspect %s shortly', (value, text) => {
    expect(inspect(value)).toBe(text)
  })

  it('inspect a value that throws on every access', () => {
    expect(inspect(hostile)).toBe('a value of type object that cannot be shown')
  })

  it.each<[string, () => unknown, string]>([
    [
      'an unknown option',
      () => checkOptions({ priorty: 1 }, ['priority', 'queue'], 'Job'),
      'Job: unknown option "priorty"; expected one of priority, queue. Did you mean "priority"?',
    ],
    [
      'an unknown option like no other',
      () => checkOptions({ zzzzzz: 1 }, ['priority'], 'Job'),
      'Job: unknown option "zzzzzz"; expected one of priority.',
    ],
    [
      'options that are no object',
      () => checkOptions('x', ['a'], 'Job'),
      'Job: expected an object, got "x".',
    ],
    [
      'a number out of range',
      () => checkInteger(0, 'max', { min: 1, max: 5 }),
      'max: expected a whole number from 1 to 5, got 0.',
    ],
    ['a fraction', () => checkInteger(1.5, 'max', { min: 1, max: 5 }), 'got 1.5'],
    ['a number in a text', () => checkInteger('1', 'max', { min: 1, max: 5 }), 'got "1"'],
    [
      'a word that is not known',
      () => checkOneOf('proces', ['inline', 'process'], 'executor'),
      'expected one of inline, process, got "proces". Did you mean "process"?',
    ],
    [
      'an empty text',
      () => checkText('', { what: 'name', maxBytes: 9 }),
      'name: expected text, got "".',
    ],
    ['a text with NUL', () => checkText('a\0', { what: 'name', maxBytes: 9 }), 'a NUL character'],
    [
      'a lone surrogate',
      () => checkText('\udc00', { what: 'name', maxBytes: 9 }),
      'a lone surrogate',
    ],
    [
      'a long text',
      () => checkText('€€€€', { what: 'name', maxBytes: 11 }),
      'at most 11 bytes, got 12',
    ],
  ])('refuse %s', (_, act, message) => {
    expect(act).toThrow(ConfigError)
    expect(act).toThrow(message)
  })

  it('return what is right', () => {
    expect(checkOptions(undefined, ['a'], 'x')).toEqual({})
    expect(checkText('€€€', { what: 'name', maxBytes: 9 })).toBe('€€€')
    expect(checkText('', { what: 'name', maxBytes: 9, allowEmpty: true })).toBe('')
    expect(checkInteger(5, 'max', { min: 1, max: 5 })).toBe(5)
  })
})

describe('durations and sizes', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [1.6, 2],
    ['250ms', 250],
    ['60s', 60_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['3650d', 315_360_000_000],
  ])('%s is a duration', (value, ms) => {
    expect(durationMs(value, 'x')).toBe(ms)
  })

  it.each([
    -1,
    '-1s',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '5',
    '5 m',
    '5M',
    'm',
    '',
    null,
    undefined,
    {},
    '3651d',
    5n,
  ])('%s is no duration', (value) => {
    expect(() => durationMs(value, 'delay')).toThrow(/^delay: expected a duration.* got /)
  })

  it.each<[unknown, number]>([
    [0, 0],
    ['5B', 5],
    ['200MB', 200_000_000],
    ['1KB', 1_000],
    ['1KiB', 1_024],
    ['512MiB', 536_870_912],
    ['1.5GiB', 1_610_612_736],
    ['1GB', 1e9],
  ])('%s is a size', (value, bytes) => {
    expect(sizeBytes(value, 'x')).toBe(bytes)
  })

  it.each([
    [0, '0 bytes'],
    [1_023, '1023 bytes'],
    [1_024, '1 KiB'],
    [268_435_456, '256 MiB'],
    [1_610_612_736, '1.5 GiB'],
    [200_000_000, '190.7 MiB'],
  ])('%d bytes are shown as %s', (bytes, shown) => {
    expect(showSize(bytes)).toBe(shown)
  })

  it.each([-1, '1', '1mb', '1 MB', Number.NaN, Number.POSITIVE_INFINITY, null, [], '99999999GB'])(
    '%s is no size',
    (value) => {
      expect(() => sizeBytes(value, 'memory')).toThrow(/^memory: expected a size.* got /)
    },
  )
})
