import { describe, expect, it } from 'vitest'
import { maskJson, parseMaskPath } from '../../../src/core/mask-paths.ts'

const masked = (value: unknown, ...paths: readonly string[]): unknown =>
  JSON.parse(maskJson(JSON.stringify(value), paths.map(parseMaskPath), '"•"'))

/** The same by the meaning of a path, without a text. */
function plainly(value: unknown, path: readonly string[], at: readonly string[] = []): unknown {
  const isHolder = typeof value === 'object' && value !== null
  const isShape = path.at(-1) === '**'
  if (fits(path, at) && !(isShape && isHolder)) return '•'
  if (!isHolder) return value
  if (Array.isArray(value)) return value.map((one, n) => plainly(one, path, [...at, String(n)]))
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, plainly(one, path, [...at, key])]),
  )
}

function fits([first, ...rest]: readonly string[], at: readonly string[]): boolean {
  if (first === undefined) return at.length === 0
  if (first === '**')
    return fits(rest, at) || (at.length > 0 && fits([first, ...rest], at.slice(1)))
  return at.length > 0 && (first === '*' || first === at[0]) && fits(rest, at.slice(1))
}

const order = {
  id: 7,
  customer: { home: { email: 'a@example.org', city: 'Ulm' }, work: { email: 'b@example.org' } },
  items: [{ sku: 'x', card: { number: '4111' } }, { sku: 'y', card: null }, 'card'],
  password: ['one', { password: 'two' }],
  email: { '*': 1, '**': { email: true } },
}

describe('A mask', () => {
  it.each([
    ['id', { ...order, id: '•' }],
    ['customer', { ...order, customer: '•' }],
    [
      'customer.*.email',
      { ...order, customer: { home: { email: '•', city: 'Ulm' }, work: { email: '•' } } },
    ],
    [
      'items.*.card',
      { ...order, items: [{ sku: 'x', card: '•' }, { sku: 'y', card: '•' }, 'card'] },
    ],
    ['items.1', { ...order, items: [order.items[0], '•', 'card'] }],
    ['**.password', { ...order, password: '•' }],
    ['nothing.here', order],
  ])('%s hides what is there, and nothing else', (path, expected) => {
    expect(masked(order, path)).toEqual(expected)
  })

  it('of everything leaves types of holders, keys and lengths', () => {
    expect(masked({ a: [1, [], {}], b: { c: null } }, '**')).toEqual({
      a: ['•', [], {}],
      b: { c: '•' },
    })
    expect(masked('text', '**')).toBe('•')
  })

  it.each([
    '*',
    '**',
    '*.*',
    '**.email',
    '**.*',
    '*.**',
    'customer.**',
    '**.card.number',
    'items.**.number',
    '**.**.sku',
    'email.*',
    'email.**',
    '**.email.**',
    '**.0',
    '*.0.*',
    'customer.*.*.x',
  ])('%s means the same in a text as in a value', (path) => {
    expect(masked(order, path)).toEqual(plainly(order, path.split('.')))
  })

  it('joins several paths', () => {
    expect(masked(order, 'id', '**.email', 'items.*.sku')).toEqual(
      ['id', '**.email', 'items.*.sku'].reduce(
        (value, path) => plainly(value, path.split('.')) as typeof order,
        order,
      ),
    )
  })

  it('reads names as JSON has them, and leaves the rest letter by letter', () => {
    const text = String.raw`{ "p\u0061ss": "x", "a\"b": [12345678901234567890.10, "]}\\"], "n": 1e400 }`
    expect(maskJson(text, [['pass']], '"•"')).toBe(
      String.raw`{"p\u0061ss": "•", "a\"b": [12345678901234567890.10, "]}\\"], "n": 1e400}`,
    )
    expect(maskJson(text, [['a"b', '1']], 'null')).toContain('[12345678901234567890.10, null]')
  })

  it('hides what is nested too deep to follow, and takes long texts', () => {
    const deep = `${'['.repeat(5_000)}"secret"${']'.repeat(5_000)}`
    expect(maskJson(deep, [['**', 'password']], '"•"')).not.toContain('secret')
    const wide = JSON.stringify(
      Array.from({ length: 5_000 }, (_, n) => ({ n, password: `p${n}`, text: 'x'.repeat(20) })),
    )
    expect(maskJson(wide, [['**', 'password']], '"•"')).not.toContain('"p1"')
  })

  it.each(['', '.', 'a..b', '.a', 'a.'])('is refused for the path %j', (path) => {
    expect(() => parseMaskPath(path)).toThrow('expected a path like')
  })
})
