import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { checkSignal, encodeSignal, isSignal, signal } from '../../../src/core/signal.ts'
import type { StandardSchemaV1 } from '../../../src/core/standard-schema.ts'

const schemaOf = (isAsync: boolean): StandardSchemaV1<{ by: string }> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const isFine = typeof (value as { by?: unknown }).by === 'string'
      const answer = isFine
        ? { value: value as { by: string } }
        : { issues: [{ message: 'no name', path: ['by'] }] }
      return isAsync ? Promise.resolve(answer) : answer
    },
  },
})

describe('a signal', () => {
  it('is its name, frozen', () => {
    const approved = signal<{ by: string }, 'approved'>('approved')
    expect(approved).toEqual({ name: 'approved' })
    expect(Object.isFrozen(approved)).toBe(true)
    expect(isSignal(approved)).toBe(true)
    expect(checkSignal(approved, 'x')).toBe(approved)
  })

  it.each([[''], [7], ['x'.repeat(201)], ['a\0b'], [undefined]])('refuses the name %o', (name) => {
    expect(() => signal(name as string)).toThrow(ConfigError)
  })

  it('says how to declare what was given by its name', () => {
    expect(() => checkSignal('approved', 'ctx.waitForSignal')).toThrow(
      'ctx.waitForSignal: expected a signal, as signal() makes it, got "approved". Declare it: signal("approved").',
    )
  })

  it('encodes its value, and says what cannot be stored', () => {
    expect(encodeSignal(signal<Date>('at'), new Date(0))).toBe('"1970-01-01T00:00:00.000Z"')
    expect(encodeSignal(signal('none'), undefined)).toBe('null')
    expect(() => encodeSignal(signal<bigint>('big'), 1n)).toThrow(
      /The value of the signal "big": value is/,
    )
  })

  it('checks its value by its schema', async () => {
    const approved = signal('approved', { schema: schemaOf(false) })
    expect(encodeSignal(approved, { by: 'ada' })).toBe('{"by":"ada"}')
    expect(() => encodeSignal(approved, {})).toThrow(/args\.by: no name/)
    const later = signal('later', { schema: schemaOf(true) })
    await expect(encodeSignal(later, { by: 'ada' })).resolves.toBe('{"by":"ada"}')
    await expect(encodeSignal(later, {})).rejects.toThrow(/no name/)
  })
})
