import { expect, it } from 'vitest'
import { textArray } from '../../src/database/array-literal.ts'
import type { Driver, Value } from '../../src/database/driver.ts'

/** What goes in, and how it comes out. */
export function describeValues(driver: () => Driver): void {
  const one = async (text: string, values: readonly Value[], name?: string) => {
    const query = { text: `SELECT ${text} AS v`, values }
    const [row] = await driver().query<{ v: unknown }>(name ? { ...query, name } : query)
    return row?.v
  }

  it.each<[string, Value, unknown]>([
    ['$1::text', 'plain', 'plain'],
    ['$1::text', '', ''],
    ['$1::text', 'ß 漢字 🦊 \n\t"\\\'', 'ß 漢字 🦊 \n\t"\\\''],
    ['$1::text', 7, '7'],
    ['$1::text', true, 'true'],
    ['$1::int', 7, 7],
    ['$1::int', '7', 7],
    ['$1::int', -2147483648, -2147483648],
    ['$1::bigint::text', '9007199254740993', '9007199254740993'],
    ['$1::float8', 0.1, 0.1],
    ['$1::float8', '1e300', 1e300],
    ['$1::bool', true, true],
    ['$1::bool', false, false],
    ['$1::bool', 'true', true],
    ['$1::bool', 'f', false],
    ['$1::text', null, null],
    ['$1::text', undefined, null],
    ['$1::int', undefined, null],
    ['$1::bool', null, null],
    ['$1::text::jsonb::text', '{"a": "b"}', '{"a": "b"}'],
    ['$1::text::jsonb::text', '"text"', '"text"'],
    ['$1::jsonb::text', '{"a": 1}', '{"a": 1}'],
    [
      "($1::timestamptz AT TIME ZONE 'UTC')::text",
      '2026-01-02T03:04:05.678901Z',
      '2026-01-02 03:04:05.678901',
    ],
    [
      '$1::uuid::text',
      '018f3f6e-0000-7000-8000-000000000000',
      '018f3f6e-0000-7000-8000-000000000000',
    ],
  ])('sends %s with %j and reads %j', async (text, value, expected) => {
    expect(await one(text, [value])).toBe(expected)
    expect(await one(text, [value], `values_${text.replaceAll(/\W/g, '_').slice(0, 40)}`)).toBe(
      expected,
    )
    expect(await one(text, [value], `values_${text.replaceAll(/\W/g, '_').slice(0, 40)}`)).toBe(
      expected,
    )
  })

  it('sends a megabyte of text and reads it back', async () => {
    const text = 'ä"\\🦊'.repeat(200_000)
    expect(await one('$1::text', [text])).toBe(text)
  })

  it('sends a batch as array literals that the server casts', async () => {
    const texts = ['a"b', 'c\\d', '', null, 'NULL', '{x,y}', ' \n', '漢🦊', '{"json": "\\n"}']
    const rows = await driver().query<{ v: string | null; n: number }>({
      text: 'SELECT v, n::int AS n FROM unnest($1::text[]) WITH ORDINALITY AS given (v, n) ORDER BY n',
      values: [textArray(texts)],
    })
    expect(rows.map((row) => row.v)).toEqual(texts)
    const numbers = await driver().query<{ n: number; yes: boolean }>({
      text: 'SELECT n, yes FROM unnest($1::int[], $2::bool[]) AS given (n, yes)',
      values: ['{1,-2,NULL}', '{true,false,NULL}'],
    })
    expect(numbers).toEqual([
      { n: 1, yes: true },
      { n: -2, yes: false },
      { n: null, yes: null },
    ])
  })

  it('gives plain rows, and none where there are none', async () => {
    const rows = await driver().query<object>({ text: 'SELECT 1 AS a, NULL AS b', values: [] })
    expect(rows).toEqual([{ a: 1, b: null }])
    expect(Array.isArray(rows)).toBe(true)
    expect(await driver().query({ text: 'SELECT 1 WHERE false', values: [] })).toEqual([])
  })
}
