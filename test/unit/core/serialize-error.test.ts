import { describe, expect, it } from 'vitest'
import { DiscardJob, endingOf, RetryJob, SnoozeJob } from '../../../src/core/ending.ts'
import {
  messageWithCause,
  serializeError,
  stackWithCauses,
} from '../../../src/core/serialize-error.ts'
import { isStorable, storableText } from '../../../src/core/storable-text.ts'

const withField = (name: string, value: unknown): Error =>
  Object.defineProperty(new Error('x'), name, { value, configurable: true })
const throwing = (name: string): Error =>
  Object.defineProperty(new Error('x'), name, {
    get() {
      throw new Error('getter')
    },
  })
const cyclic = new Error('a')
cyclic.cause = new Error('b', { cause: cyclic })
const selfish = new AggregateError([], 'all of me')
selfish.errors.push(selfish)
const longFields = Object.fromEntries(
  Array.from({ length: 100 }, (_, index) => [`${index}\0`.repeat(500), '\ud800'.repeat(5_000)]),
)
const hostile = new Proxy(
  {},
  {
    get() {
      throw null
    },
    getPrototypeOf() {
      throw null
    },
    has() {
      throw null
    },
  },
)

describe('a thrown value as data', () => {
  it.each<[string, unknown]>([
    ['an error', new Error('no')],
    ['null', null],
    ['undefined', undefined],
    ['a text', 'no'],
    ['a number', 7],
    ['a symbol', Symbol('s')],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['an object', { a: 1 }],
    ['a frozen object without a prototype', Object.freeze(Object.create(null))],
    ['a promise', Promise.resolve(1)],
    ['a proxy that throws', hostile],
    ['an error whose message throws', throwing('message')],
    ['an error whose stack throws', throwing('stack')],
    ['an error whose name throws', throwing('name')],
    ['an error whose cause throws', throwing('cause')],
    ['an error whose code throws', throwing('code')],
    ['an error with a message that is no text', withField('message', { a: 1 })],
    ['an error with a stack that is no text', withField('stack', 7)],
    ['an error with a name that is no text', withField('name', Symbol('s'))],
    ['an error with a hostile cause', withField('cause', hostile)],
    ['a NUL in the message', new Error('a\0b')],
    ['a lone surrogate in the message', new Error('a\ud800b')],
    ['a NUL in the name', withField('name', 'a\0')],
    ['a NUL in the code', withField('code', 'a\0')],
    ['a stack of 50 MB', withField('stack', 'x'.repeat(50_000_000))],
    ['a message of wide letters', new Error('€'.repeat(10_000))],
    ['a cycle of causes', cyclic],
    ['an aggregate', new AggregateError([new Error('x')], 'many')],
    [
      'an aggregate of a thousand',
      new AggregateError(Array(1_000).fill(new Error('x'.repeat(9_000)))),
    ],
    ['an aggregate that holds itself', selfish],
    ['an error whose errors throw', throwing('errors')],
    ['an error whose errors are hostile', withField('errors', [hostile, null, 7])],
    ['an error with many long fields', Object.assign(new Error('x'), longFields)],
    ['an error with a field named __proto__', JSON.parse('{"message":"x","__proto__":"y"}')],
  ])('can be stored: %s', (_, thrown) => {
    const data = serializeError(thrown)
    const text = JSON.stringify(data)
    expect(Buffer.byteLength(data.message)).toBeLessThanOrEqual(8_192)
    expect(Buffer.byteLength(data.stack ?? '')).toBeLessThanOrEqual(8_192)
    expect(text).not.toMatch(/\\u0000|\\ud8/)
    expect(text.length).toBeLessThan(100_000)
    expect(data.name).not.toBe('')
  })

  it('keeps name, message, stack, code and cause', () => {
    const error = Object.assign(new TypeError('no', { cause: new Error('why') }), { code: 'E1' })
    expect(serializeError(error)).toMatchObject({
      name: 'TypeError',
      message: 'no',
      code: 'E1',
      stack: error.stack,
      cause: { message: 'why' },
    })
    expect(serializeError('plain').message).toBe('plain')
    expect(serializeError(null).message).toContain('null')
    expect(serializeError(withField('code', 7)).code).toBe('7')
  })
})

describe('the reasons of an error', () => {
  it('are kept of an aggregate, which may say nothing itself', () => {
    const refused = (address: string): Error =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED', port: 1 })
    const thrown = new AggregateError([refused('::1'), refused('127.0.0.1')])
    const error = serializeError(thrown)
    expect(error.message).toBe('connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1')
    expect(error.errors).toMatchObject([{ code: 'ECONNREFUSED', fields: { port: 1 } }, {}])
    expect(stackWithCauses(error)).toMatch(/Error 2 of 2: Error: connect ECONNREFUSED 127\.0\.0\.1/)
  })

  it('are kept where they stand in fields, except what looks like a secret', () => {
    const fields = { status: 503, detail: 'busy', retryable: true, apiKey: 'x', headers: { a: 1 } }
    const error = serializeError(Object.assign(new Error('no'), fields))
    const kept = { status: 503, detail: 'busy', retryable: true, apiKey: '[hidden]' }
    expect(error.fields).toEqual(kept)
    expect(stackWithCauses(error)).toContain(`with ${JSON.stringify(kept)}`)
  })

  it('are kept of an object that is no error', () => {
    const error = serializeError({ code: 'E7', status: 418, cause: new Error('tea') })
    expect(error).toMatchObject({ code: 'E7', cause: { message: 'tea' } })
    expect(error.message).toBe('Not an error was thrown but {"status":418}')
  })

  it('are named to the last where there is no room for all stacks', () => {
    const deep = (depth: number): Error =>
      depth === 0 ? longStack('root') : longStack('x', deep(depth - 1))
    const longStack = (message: string, cause?: Error): Error => {
      const error = new Error(message, cause === undefined ? undefined : { cause })
      error.stack = `Error: ${message}\n${`    at ${'very/'.repeat(60)}long\n`.repeat(9)}`
      return error
    }
    expect(stackWithCauses(serializeError(deep(4)))).toContain('Caused by: Error: root')
  })
})

describe('a text that is made storable', () => {
  it.each<[string, string, number, string]>([
    ['as it is', 'abc', 3, 'abc'],
    ['without NUL', 'a\0b', 9, 'a\uFFFDb'],
    ['without lone surrogates', 'a\udc00', 9, 'a\uFFFD'],
    ['cut and marked', 'x'.repeat(50), 20, `${'x'.repeat(11)}… [cut]`],
    ['cut between letters', '€'.repeat(50), 20, `€€€… [cut]`],
    ['cut without the mark where it has no room', 'abcdef', 3, 'abc'],
    ['empty', '', 0, ''],
  ])('is %s', (_, text, maxBytes, repaired) => {
    expect(storableText(text, maxBytes)).toBe(repaired)
    expect(isStorable(repaired)).toBe(true)
    expect(Buffer.byteLength(storableText(text, maxBytes))).toBeLessThanOrEqual(maxBytes)
  })
})

describe('endings', () => {
  it('are recognised, also those of another copy of the package', () => {
    expect(endingOf(new DiscardJob('no such user'))).toEqual({
      kind: 'discard',
      reason: 'no such user',
    })
    expect(endingOf(new SnoozeJob('5m'))).toEqual({ kind: 'snooze', delayMs: 300_000 })
    expect(endingOf(new RetryJob(10, { cause: 'x' }))).toEqual({ kind: 'retry', delayMs: 10 })
    expect(endingOf({ [Symbol.for('chancy.ending')]: { kind: 'snooze', delayMs: 1 } })).toEqual({
      kind: 'snooze',
      delayMs: 1,
    })
    expect([null, undefined, 'x', new Error('x'), hostile].map(endingOf)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ])
    expect(new DiscardJob('x').name).toBe('DiscardJob')
    expect(() => new SnoozeJob('soon' as never)).toThrow('SnoozeJob: expected a duration')
    expect(() => new DiscardJob(7 as never)).toThrow('expected a reason')
  })
})

describe('what is stored of causes', () => {
  it('is the stack of each after the other, and the message of the nearest', () => {
    const error = new Error('outer', { cause: new TypeError('middle', { cause: 'inner' }) })
    const serialized = serializeError(error)
    const stack = stackWithCauses(serialized) ?? ''
    expect(stack.split('\n').filter((line) => !line.startsWith('    at '))).toEqual([
      'Error: outer',
      'Caused by: TypeError: middle',
      'Caused by: Error: inner',
    ])
    expect(messageWithCause(serialized)).toBe('outer: middle')
  })

  it('is nothing more where there is none', () => {
    const serialized = serializeError(new Error('alone'))
    expect(stackWithCauses(serialized)).toBe(serialized.stack)
    expect(messageWithCause(serialized)).toBe('alone')
    expect(stackWithCauses(serializeError('a text'))).toBeNull()
  })

  it('keeps to the limits of a message and a stack', () => {
    const long = 'x'.repeat(20_000)
    const serialized = serializeError(new Error(long, { cause: new Error(long) }))
    expect(Buffer.byteLength(stackWithCauses(serialized) ?? '')).toBeLessThanOrEqual(8_192)
    expect(Buffer.byteLength(messageWithCause(serialized))).toBeLessThanOrEqual(8_192)
  })
})
