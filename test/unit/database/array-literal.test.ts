import { describe, expect, it } from 'vitest'
import { plainArray, textArray } from '../../../src/database/array-literal.ts'

describe('textArray', () => {
  it.each<[string, (string | null)[], string]>([
    ['nothing', [], '{}'],
    ['plain text', ['a', 'b'], '{"a","b"}'],
    ['an empty string, which is not null', ['', null], '{"",NULL}'],
    ['the word NULL, which is not null either', ['NULL'], '{"NULL"}'],
    ['quotes and backslashes', ['a"b', 'c\\d', '\\"'], '{"a\\"b","c\\\\d","\\\\\\""}'],
    ['braces, commas and spaces as they are', ['{a, b}'], '{"{a, b}"}'],
    ['line ends and other scripts as they are', ['a\nb\tc', 'ß漢🦊'], '{"a\nb\tc","ß漢🦊"}'],
    ['JSON', ['{"a":"\\n"}'], '{"{\\"a\\":\\"\\\\n\\"}"}'],
  ])('writes %s', (_title, values, literal) => {
    expect(textArray(values)).toBe(literal)
  })
})

describe('plainArray', () => {
  it('writes numbers, booleans, ids and nulls without quotes', () => {
    const id = '018f3f6e-0000-7000-8000-000000000000'
    expect(plainArray([1, -2.5, true, null, id])).toBe(`{1,-2.5,true,NULL,${id}}`)
    expect(plainArray([])).toBe('{}')
  })
})
