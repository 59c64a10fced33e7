import { describe, expect, it } from 'vitest'
import { decodeJson, encodeJson, MAX_DEPTH } from '../../../src/core/json.ts'

class Refused extends Error {
  readonly path: unknown
  constructor(message: string, details: Readonly<Record<string, unknown>>) {
    super(message)
    this.path = details.path
  }
}
const rule = {
  what: 'args',
  maxBytes: 1_000,
  error: (message: string, details: Readonly<Record<string, unknown>>) =>
    new Refused(message, details),
}
const encode = (value: unknown): string => encodeJson(value, rule)
const refusal = (value: unknown): Refused => {
  try {
    encode(value)
  } catch (error) {
    return error as Refused
  }
  throw new Error('was not refused')
}

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { v: value }
  return value
}
const cycle: { self?: unknown; list: unknown[] } = { list: [] }
cycle.list.push({ back: cycle })
const shared = (depth: number): unknown => {
  let value: unknown = []
  for (let level = 0; level < depth; level++) value = [value, value]
  return value
}
class Point {
  x = 1
}
class Money {
  toJSON(): unknown {
    return { amount: '1.00' }
  }
}

describe('what is stored', () => {
  it.each<[string, unknown, string]>([
    ['the empty object', {}, '{}'],
    [
      'a flat object',
      { name: 'Ada', n: 1, ok: true, none: null },
      '{"name":"Ada","n":1,"ok":true,"none":null}',
    ],
    ['nested data', { a: [{ b: [1, 'x'] }] }, '{"a":[{"b":[1,"x"]}]}'],
    ['nothing', undefined, 'null'],
    ['an undefined property, dropped', { a: undefined, b: 1 }, '{"b":1}'],
    ['a Date as its ISO string', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['an object with toJSON', { m: new Money() }, '{"m":{"amount":"1.00"}}'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['negative zero as zero', -0, '0'],
    ['a large whole number as it prints', 2 ** 60, '1152921504606847000'],
    ['a pair of surrogates', '😀', '"😀"'],
    ['a text that only looks like an escape', 'a\\u0000 \\\\ud800', '"a\\\\u0000 \\\\\\\\ud800"'],
    ['other control characters', '\u0001\n', '"\\u0001\\n"'],
    ['a constructor that is data', { constructor: 'Ferrari' }, '{"constructor":"Ferrari"}'],
    ['depth at the limit', nested(MAX_DEPTH), JSON.stringify(nested(MAX_DEPTH))],
    ['the same object twice', { a: cycle.list.slice(1), b: [] }, '{"a":[],"b":[]}'],
  ])('keeps %s', (_, value, text) => {
    expect(encode(value)).toBe(text)
  })
})

describe('what is refused', () => {
  it.each<[string, unknown, string, string]>([
    [
      'undefined in an array',
      { user: { tags: ['a', 'b', undefined] } },
      'args.user.tags[2]',
      'undefined',
    ],
    ['a hole in an array', { a: new Array(2) }, 'args.a[0]', 'undefined'],
    ['a function', { f: () => 1 }, 'args.f', 'function f'],
    ['a symbol', { s: Symbol('x') }, 'args.s', 'symbol'],
    ['a BigInt', { n: 10n }, 'args.n', 'BigInt 10n'],
    ['NaN', { n: Number.NaN }, 'args.n', 'NaN'],
    ['Infinity', [Number.NEGATIVE_INFINITY], 'args[0]', '-Infinity'],
    ['an Invalid Date', { at: new Date(Number.NaN) }, 'args.at', 'Invalid Date'],
    ['a cycle', cycle, 'args.list[0].back', 'cycle'],
    ['a NUL in a text', { a: ['x\0y'] }, 'args.a[0]', 'NUL'],
    ['a NUL in a key', { 'x\0': 1 }, 'args["x\\u0000"]', 'NUL'],
    ['a lone surrogate', { a: '\ud800' }, 'args.a', 'surrogate'],
    ['a lone surrogate in a key', { '\udc00': 1 }, 'args["\\udc00"]', 'surrogate'],
    ['a lone surrogate after a backslash', { a: '\\\ud800' }, 'args.a', 'surrogate'],
    ['a Map', { m: new Map() }, 'args.m', 'a Map'],
    ['a Set', { m: new Set() }, 'args.m', 'a Set'],
    ['a class instance', { p: new Point() }, 'args.p', 'a Point'],
    ['a boxed text', { p: Object('x') }, 'args.p', 'a String'],
    ['an error', { e: new Error('no') }, 'args.e', 'Error'],
    [
      'a toJSON that gives what cannot be stored',
      { d: { toJSON: () => [1n] } },
      'args.d[0]',
      'BigInt',
    ],
    [
      'a toJSON that gives a Date, which JSON would empty',
      { d: { toJSON: () => new Date() } },
      'args.d',
      'toJSON',
    ],
    [
      'a toJSON that throws',
      {
        d: {
          toJSON: () => {
            throw new Error('boom')
          },
        },
      },
      'args.d',
      'boom',
    ],
    [
      'a getter that throws',
      {
        get g(): never {
          throw new Error('boom')
        },
      },
      'args.g',
      'boom',
    ],
    [
      '__proto__ as a key',
      JSON.parse('{"a":{"__proto__":{"x":1}}}'),
      'args.a.__proto__',
      'prototype',
    ],
    ['constructor.prototype', { constructor: { prototype: {} } }, 'args.constructor', 'prototype'],
    ['depth over the limit', nested(MAX_DEPTH + 1), '', 'nested more than 100 deep'],
    ['depth far over the limit', nested(20_000), '', 'nested more than 100 deep'],
    ['a text over the limit', { a: 'x'.repeat(1_000) }, 'args', 'limit of 1000'],
    ['many values over the limit', new Array(2_000).fill(1), 'args', 'limit of 1000'],
    ['a text whose UTF-8 is over the limit', '€'.repeat(400), 'args', '1202 bytes'],
    ['parts that are shared 2^60 times', shared(60), 'args', 'limit of 1000'],
  ])('refuses %s and names the path', (_, value, path, word) => {
    const error = refusal(value)
    expect(error).toBeInstanceOf(Refused)
    if (path !== '') expect(error.path).toBe(path)
    expect(error.message).toContain(word)
  })

  it('takes a text exactly at the limit', () => {
    expect(encode('x'.repeat(998))).toHaveLength(1_000)
    expect(() => encode('x'.repeat(999))).toThrow('1001 bytes')
  })

  it('refuses a whole value that is a function or a symbol', () => {
    expect(refusal(() => 1).path).toBe('args')
    expect(refusal(Symbol('x')).path).toBe('args')
  })

  it('refuses a getter that answers differently each time rather than store it', () => {
    let reads = 0
    const shifty = {
      get s() {
        return ++reads % 2 === 1 ? 'ok' : '\0'
      },
    }
    expect(refusal(shifty).message).toContain('args')
  })
})

describe('the way back', () => {
  it.each([
    ['{"a":[1,{"b":null}]}', { a: [1, { b: null }] }],
    ['{"a":1,"__proto__":{"x":1}}', { a: 1 }],
    ['{"a":1,"\\u005f_proto__":{"x":1}}', { a: 1 }],
    ['{"constructor":{"prototype":{"x":1}},"b":2}', { b: 2 }],
    ['{"constructor":"Ferrari"}', { constructor: 'Ferrari' }],
  ])('reads %s', (text, value) => {
    const decoded = decodeJson(text) as object
    expect(decoded).toEqual(value)
    expect(Object.keys(decoded)).toEqual(Object.keys(value))
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('returns what went in, for values of every kind', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const value = randomValue(seed)
      expect(decodeJson(encodeJson(value, { ...rule, maxBytes: 1e6 }))).toEqual(value)
    }
  })

  it('costs little for a small value', () => {
    const value = { name: 'Ada', id: 7 }
    for (let warm = 0; warm < 50_000; warm++) encode(value)
    const before = process.cpuUsage()
    for (let run = 0; run < 50_000; run++) encode(value)
    // Ordinarily 0.4 µs each; the bound is only there to catch a path built on every call.
    expect(process.cpuUsage(before).user).toBeLessThan(500_000)
  })
})

function randomValue(seed: number): unknown {
  let state = seed
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const texts = ['', 'a', '\n"\\', '€😀', '\\u0000', 'x y']
  const make = (depth: number): unknown => {
    switch (next(depth > 4 ? 4 : 6)) {
      case 0:
        return next(1e9) / 7
      case 1:
        return texts[next(texts.length)]
      case 2:
        return next(2) === 0
      case 3:
        return null
      case 4:
        return Array.from({ length: next(4) }, () => make(depth + 1))
      default:
        return Object.fromEntries(
          Array.from({ length: next(4) }, (_, key) => [`${texts[next(6)]}${key}`, make(depth + 1)]),
        )
    }
  }
  return make(0)
}
