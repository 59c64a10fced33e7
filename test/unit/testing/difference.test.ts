import { expect, it } from 'vitest'
import { differences, inWords } from '../../../src/testing/difference.ts'

const date = new Date('2026-03-01T00:00:00Z')
it.each([
  ['a part of an object', { a: 1 }, { a: 1, b: 2 }, []],
  ['a date where its text is stored', { at: date }, { at: date.toJSON() }, []],
  ['another date', { at: date }, { at: 'x' }, [`args.at is 'x', expected '${date.toJSON()}'`]],
  ['a list that is longer', { to: [1] }, { to: [1, 2] }, ['args.to is [ 1, 2 ], expected [ 1 ]']],
  [
    'an element of a list',
    { to: [{ n: 1 }] },
    { to: [{ n: 2 }] },
    ['args.to[0].n is 2, expected 1'],
  ],
  ['a key that is no name', { 'a-b': 1 }, {}, ['args["a-b"] is not there, expected 1']],
  ['null', { a: null }, { a: 0 }, ['args.a is 0, expected null']],
  [
    'an object in the place of a list',
    { a: { b: 1 } },
    { a: [1] },
    ['args.a is [ 1 ], expected { b: 1 }'],
  ],
  ['undefined, which is not there', { a: undefined }, {}, []],
  ['a matcher of the runner', { a: expect.any(String) }, { a: 'x' }, []],
  [
    'a matcher that does not match',
    { a: expect.any(String) },
    { a: 1 },
    ['args.a is 1, expected Any<String>'],
  ],
])('compares %s', (_, expected, found, lines) => {
  expect(differences(expected, found, 'args').map(inWords)).toEqual(lines)
})
