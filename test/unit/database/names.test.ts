import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { namesOf, quoteIdentifier, quoteLiteral } from '../../../src/database/names.ts'

describe('the names of a schema', () => {
  it.each([
    ['chancy', '"chancy"', '"chancy"."jobs"'],
    ['Upper', '"Upper"', '"Upper"."jobs"'],
    ['Odd "name', '"Odd ""name"', '"Odd ""name"."jobs"'],
    ['select', '"select"', '"select"."jobs"'],
    ["it's; --", `"it's; --"`, `"it's; --"."jobs"`],
  ])('quotes %s', (schema, quoted, jobs) => {
    const names = namesOf(schema)
    expect(names.schema).toBe(quoted)
    expect(names.jobs).toBe(jobs)
    expect(names.plainSchema).toBe(schema)
  })

  it('writes a sequence as a literal of a quoted name', () => {
    expect(namesOf(`a"b'c`).sequence('positions')).toBe(`'"a""b''c"."positions"'`)
  })

  it('takes 63 bytes and refuses 64, counting bytes and not characters', () => {
    expect(() => namesOf('x'.repeat(63))).not.toThrow()
    expect(() => namesOf('x'.repeat(64))).toThrow(/64 bytes/)
    expect(() => namesOf('ü'.repeat(31))).not.toThrow()
    expect(() => namesOf('ü'.repeat(32))).toThrow(/64 bytes/)
  })

  it.each(['', 'a\0b', 'pg_mine', 'a\ud800', 7, null, {}])('refuses %o', (schema) => {
    expect(() => namesOf(schema as string)).toThrow(ConfigError)
  })

  it.each(['chancy', 'a'.repeat(63), 'Upper', 'upper', 'Odd "name', 'ü', "'", '\\', '$$'])(
    'makes a lower-case channel of at most 63 bytes of %s',
    (schema) => {
      expect(namesOf(schema).channel).toMatch(/^[a-z0-9_]{1,63}$/)
    },
  )

  it('gives schemas that look alike channels and dollar quotes of their own', () => {
    const schemas = [
      'upper',
      'Upper',
      'UPPER',
      'up per',
      'up-per',
      `${'a'.repeat(62)}b`,
      'a'.repeat(63),
    ]
    const made = schemas.map(namesOf)
    expect(new Set(made.map(({ channel }) => channel)).size).toBe(schemas.length)
    expect(new Set(made.map(({ body }) => body)).size).toBe(schemas.length)
  })
})

describe('quoting', () => {
  it('doubles what would end an identifier or a literal', () => {
    expect(quoteIdentifier('a"";DROP')).toBe('"a"""";DROP"')
    expect(quoteLiteral("a'b")).toBe("'a''b'")
    expect(quoteLiteral("a\\'b")).toBe("E'a\\\\''b'")
  })
})
