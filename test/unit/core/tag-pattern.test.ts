import { describe, expect, it } from 'vitest'
import { TagPattern } from '../../../src/core/tag-pattern.ts'
import { checkTags, matchesTags } from '../../../src/core/tags.ts'

const ATOMS = [
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '[a-c]',
  '\\d',
  '\\w',
  '\\W',
  '(a|b)',
  '(?:ab|c)',
  'x',
  '-',
  '\\.',
]
const ENDS = ['', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '{0}']
const LETTERS = ['a', 'b', 'c', 'x', '-', '.', '7', 'é', '\n', '😀']

/** A generator whose numbers are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

describe('a pattern for tags', () => {
  it('matches what a regular expression matches whole', () => {
    const below = numbers(7)
    const some = (count: number, from: readonly string[]) =>
      Array.from({ length: count }, () => from[below(from.length)]!)
    let matched = 0
    for (let round = 0; round < 20_000; round++) {
      const part = () =>
        some(1 + below(4), ATOMS)
          .map((atom) => atom + some(1, ENDS)[0])
          .join('')
      const pattern = below(3) === 0 ? `${part()}|(${part()})${some(1, ENDS)[0]}` : part()
      const text = some(below(6), LETTERS).join('')
      const whole = new RegExp(`^(?:${pattern})$`, 'su').test(text)
      expect(new TagPattern(pattern).matches(text), `${pattern} on ${text}`).toBe(whole)
      if (whole) matched++
    }
    expect(matched).toBeGreaterThan(1_000)
  })

  it.each([
    ['.*', 'anything'],
    ['hostname=web-\\d+', 'hostname=web-12'],
    ['^gpu$', 'gpu'],
    ['region=(eu|us)-[a-z]+-[0-9]', 'region=eu-west-1'],
    ['\\*', '*'],
    ['a\\/b', 'a/b'],
    [']', ']'],
    ['[\\]\\-\\\\]', '-'],
    ['[a-]', '-'],
    ['\\t', '\t'],
  ])('%s matches %s', (pattern, text) => {
    expect(new TagPattern(pattern).matches(text)).toBe(true)
    expect(new TagPattern(pattern).matches(`${text}\u0000`)).toBe(pattern === '.*')
  })

  it.each([
    ...[
      '(',
      ')',
      'a)(b',
      '[',
      '[a',
      '*a',
      '+',
      'a**',
      '{2}',
      'a{',
      'a{2,1}',
      'a{5000}',
      '\\',
      '[b-a]',
    ],
    ...['(?=a)', '(?!a)', '(?<=a)', '(?<n>a)', '(a)\\1', '\\bx', '\\u0041', '\\p{L}', 'a^b', 'a$b'],
    ...['((a{30}){30}){30}', '(((((a{9}){9}){9}){9}){9}){9}', '(?:){900}(?:){900}(?:){900}'],
  ])('%s is refused with its reason', (pattern) => {
    expect(() => new TagPattern(pattern)).toThrow(SyntaxError)
    const declared = () => checkTags([pattern], 'Queue "q": tags')
    expect(declared).toThrow(
      /^Queue "q": tags\[0\]: expected a regular expression, got .*, which \w+/,
    )
    expect(matchesTags([pattern], ['a', 'x'])).toBe(false)
  })

  it.each([
    '(.+)+!',
    '(a*)*b',
    '(a|a)*b',
    '(a|aa)+$',
    '(.*)*x(.*)*y',
    '([a-z]+)*=',
    '(a?){90}a{90}',
  ])('%s takes no longer on a text that almost matches', (pattern) => {
    const one = new TagPattern(pattern)
    // A backtracking engine would take longer than the age of the universe, and the test with it.
    expect(one.matches(`${'a'.repeat(199)}#`)).toBe(false)
  })
})
