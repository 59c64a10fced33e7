import { describe, expect, it } from 'vitest'
import { LineReader } from '../../../src/executors/line-reader.ts'

describe('lines', () => {
  const text = 'one\n\ntwo\nthree'
  it('are the same however they were cut into pieces', () => {
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const lines: string[] = []
        const reader = new LineReader((line) => lines.push(line), 100)
        for (const piece of [text.slice(0, first), text.slice(first, second), text.slice(second)]) {
          reader.push(piece)
        }
        expect(lines).toEqual(['one', '', 'two'])
        reader.end()
        expect(lines).toEqual(['one', '', 'two', 'three'])
      }
    }
  })
})

describe('lines that are too long', () => {
  const read = (pieces: readonly string[]): [string, boolean][] => {
    const lines: [string, boolean][] = []
    const reader = new LineReader((line, isPiece) => lines.push([line, isPiece]), 4)
    for (const piece of pieces) reader.push(piece)
    reader.end()
    return lines
  }

  it.each([[['abcdefghij\nkl']], [['abc', 'defg', 'hij\nk', 'l']], [[...'abcdefghij\nkl']]])(
    'are passed on in pieces: %j',
    (pieces) => {
      const lines = read(pieces)
      expect(lines.map(([text]) => text)).toEqual(['abcd', 'efgh', 'ij', 'kl'])
      expect(lines.map(([, isPiece]) => isPiece).slice(0, 2)).toEqual([true, true])
      expect(lines.at(-1)).toEqual(['kl', false])
    },
  )

  it('are not kept until they end', () => {
    let chars = 0
    const reader = new LineReader((line) => {
      chars += line.length
    }, 8_192)
    // More than a string can hold.
    const piece = 'x'.repeat(2 ** 26)
    for (let index = 0; index < 9; index++) reader.push(piece)
    expect(chars).toBeGreaterThan(2 ** 29)
  })
})
