import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/core/claimed-job.ts'
import {
  CELLS,
  LineReader,
  parseRun,
  parseUsage,
  recallCell,
  runLine,
  takeCell,
  usageText,
} from '../../../src/executors/protocol.ts'

const job = (args: string): ClaimedJob =>
  ({
    id: 'a',
    name: 'tab\tand\nfeed',
    args,
    rare: { meta: { '\t': '\n' } },
  }) as unknown as ClaimedJob

describe('a line that runs a job', () => {
  it.each(['{}', '{"a":"\\t\\n"}', '{"a":\t1}', '{"\u2028":"\u{1F600}\\u0041"}'])(
    'carries %s',
    (args) => {
      const line = runLine(7, { job: job(args), limits: { timeMs: 5 } })
      expect(line.indexOf('\n')).toBe(line.length - 1)
      expect(line.startsWith('r7\t')).toBe(true)
      expect(parseRun(line.slice(3, -1))).toEqual({ job: job(args), limits: { timeMs: 5 } })
    },
  )

  it('has line feeds between the tokens of its arguments replaced', () => {
    const line = runLine(7, { job: job('{\n"a": 1\n}'), limits: {} })
    expect(JSON.parse(parseRun(line.slice(3, -1)).job.args)).toEqual({ a: 1 })
  })
})

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

describe('usage', () => {
  it.each([
    { wallMs: 1.5, cpuMs: 0.25, peakBytes: 4_096 },
    { wallMs: 0, cpuMs: 0, peakBytes: 0 },
    { wallMs: 3, cpuMs: null, peakBytes: 1 },
    { wallMs: 3, cpuMs: 1, peakBytes: null },
    { wallMs: 3, cpuMs: null, peakBytes: null },
  ])('crosses as text: %o', (usage) => {
    expect(parseUsage(usageText(usage))).toEqual(usage)
  })
})

describe('the cell of an attempt', () => {
  it('gives it to one of both, in every round', () => {
    const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
    for (const round of [0, 1, 2, 200_000]) {
      const [first, second] = [5 + round * CELLS, 6 + round * CELLS]
      expect(takeCell(cells, first)).toBe(true)
      expect(recallCell(cells, first)).toBe(false)
      expect(recallCell(cells, second)).toBe(true)
      expect(takeCell(cells, second)).toBe(false)
      expect(recallCell(cells, second)).toBe(false)
    }
  })

  it('is not given back late, when another is in its place', () => {
    const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
    expect(takeCell(cells, 5)).toBe(true)
    expect(takeCell(cells, 5 + CELLS)).toBe(true)
    expect(recallCell(cells, 5)).toBe(false)
  })
})
