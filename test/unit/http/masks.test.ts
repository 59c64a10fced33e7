import { describe, expect, it } from 'vitest'
import { Masks } from '../../../src/http/masks.ts'

const of = (options: unknown): Masks => Masks.of(options, 'createHandler: mask')

describe('Masks of a handler', () => {
  it('hide the parts that they name, and no other', () => {
    const masks = of({ args: ['**.password'], result: true, placeholder: 'hidden' })
    const text = '{"a": {"password": "p"}, "n": 1}'
    expect(masks.json('args', text)).toBe('{"a": {"password": "hidden"}, "n": 1}')
    expect(masks.json('result', text)).toBe('{"a": {"password": "hidden"}, "n": "hidden"}')
    expect(masks.json('meta', text)).toBe(text)
    expect(
      ['args', 'result', 'meta', 'progress'].map((part) => masks.masks(part as 'args')),
    ).toEqual([...[true, true, false, false]])
    expect(masks.message('card 4111 was declined')).toBe('card 4111 was declined')
    expect(of({ errors: true }).message('card 4111 was declined')).toBe('•••')
  })

  it('are joined with those of an access, which can take nothing away', () => {
    const both = of({ args: ['a'] }).with(of({ args: ['b'], errors: true }))
    expect(both.json('args', '{"a": 1, "b": 2, "c": 3}')).toBe('{"a": "•••", "b": "•••", "c": 3}')
    expect(both.hidesErrors).toBe(true)
    expect(of({ errors: true }).with(of({})).hidesErrors).toBe(true)
    expect(both.key).not.toBe(of({ args: ['a'] }).key)
  })

  it.each([
    ['user.email', ['user', 'email'], true],
    ['user.email', ['user'], true],
    ['user.email', ['user', 'email', 'domain'], true],
    ['user.email', ['user', 'id'], false],
    ['user.*', ['user', 'id'], true],
    ['**.password', ['anything'], true],
    ['**.password', [], true],
    ['items.*.card', ['items', '3', 'sku'], false],
  ])('of %s touch the path %j: %s', (mask, path, expected) => {
    expect(of({ args: [mask] }).touches('args', path)).toBe(expected)
  })

  it('say which paths no filter may name', () => {
    expect(of({ args: ['a.*'], meta: true, result: true }).filterPaths()).toEqual([
      'args.a.*',
      'meta.**',
    ])
  })

  it.each([
    [{ arg: true }, 'arg'],
    [{ args: 'password' }, 'expected true, or an array'],
    [{ args: Array(101).fill('a') }, 'at most 100 paths'],
    [{ args: ['a..b'] }, 'expected a path like'],
    [{ errors: 1 }, 'errors'],
    [{ placeholder: 'x'.repeat(101) }, 'placeholder'],
  ])('refuse %j', (options, message) => {
    expect(() => of(options)).toThrow(message)
  })
})
