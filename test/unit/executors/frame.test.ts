import { describe, expect, it } from 'vitest'
import {
  decodeMessage,
  encodeFrame,
  encodeMessage,
  FrameReader,
  frameTokens,
  KEY_BYTES,
  newKey,
} from '../../../src/executors/frame.ts'

const key = newKey()
const TEXTS = [
  'b1\n',
  '',
  'd1\t1,2,3\t"ü \u{1F600} \uFEFF \uFFFD"\nb2\n',
  'x'.repeat(70_000),
  'u\n',
]

function framesOf(texts: readonly string[]): Buffer {
  const tokens = frameTokens(key, 'outbox')
  return Buffer.concat(texts.map((text) => encodeFrame(tokens, text)))
}

function read(pieces: readonly Buffer[]): { texts: string[]; damage: string[] } {
  const texts: string[] = []
  const damage: string[] = []
  const reader = new FrameReader(
    frameTokens(key, 'outbox'),
    (text) => texts.push(text),
    (shown) => damage.push(shown),
  )
  for (const piece of pieces) reader.push(piece)
  return { texts, damage }
}

describe('frames', () => {
  it('have a key of the length that a child reads', () => {
    expect(key.length).toBe(KEY_BYTES)
    expect(newKey()).not.toBe(key)
  })

  it('hold the same texts however the stream is cut', () => {
    const bytes = framesOf(TEXTS)
    for (const size of [1, 7, 24, 25, 1_000, bytes.length]) {
      const pieces: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
      expect(read(pieces)).toEqual({ texts: TEXTS, damage: [] })
    }
  })

  it('have a lone surrogate replaced, as UTF-8 does', () => {
    expect(read([framesOf(['\ud800\n'])])).toEqual({ texts: ['\uFFFD\n'], damage: [] })
  })
})

describe('damage of frames', () => {
  const texts = ['b1\n', 'd1\t1,1,1\t"abc"\nb2\n', 'd2\t1,1,1\tnull\n', 'h1\n']
  const bytes = framesOf(texts)
  const isPrefix = (read: readonly string[]): boolean => read.every((one, at) => one === texts[at])

  it.each([
    ['a byte', '\n'],
    ['a line', 'd1\t1,1,1\t1\n'],
    ['a line that is as long as a header', `d1\t1,1,1\t${'1'.repeat(80)}\n`],
    ['a frame that was there before', bytes.subarray(0, 27)],
  ])('is found when %s comes in anywhere, and no text is changed', (_, added) => {
    for (let at = 0; at <= bytes.length; at++) {
      const parts = [bytes.subarray(0, at), Buffer.from(added), bytes.subarray(at)]
      const { texts: got, damage } = read([Buffer.concat(parts)])
      expect(damage.length).toBe(1)
      expect(isPrefix(got)).toBe(true)
    }
  })

  it('is found when bytes are missing anywhere but at the end', () => {
    for (let at = 0; at < bytes.length - 30; at++) {
      const { texts: got, damage } = read([bytes.subarray(0, at), bytes.subarray(at + 3)])
      expect(damage.length).toBe(1)
      expect(isPrefix(got)).toBe(true)
    }
  })

  it('is found when a byte of a token or of a length is another', () => {
    const long = framesOf([...texts, 'x'.repeat(300)])
    const ends = framesOf([texts[0]!]).length
    const places = [...Array(16).keys(), ...Array.from({ length: 8 }, (_, at) => ends - 1 - at)]
    for (const at of places) {
      const changed = Buffer.from(long)
      changed[at]! ^= 1
      const { texts: got, damage } = read([changed])
      expect(damage.length).toBe(1)
      expect(isPrefix(got)).toBe(true)
    }
  })

  it('is found immediately, without waiting for the length that another writer gave', () => {
    for (const text of ['\n', 'hello\n', 'A'.repeat(8), `${'A'.repeat(8)}${'\0'.repeat(8)}`]) {
      expect(read([Buffer.from(text)]).damage).toEqual([text])
    }
  })

  it('is found when frames come twice, in another order or by another channel', () => {
    const tokens = frameTokens(key, 'outbox')
    const [first, second] = [encodeFrame(tokens, 'a1\n'), encodeFrame(tokens, 'a2\n')]
    expect(read([second!, first!]).damage.length).toBe(1)
    expect(read([first!, first!]).damage.length).toBe(1)
    expect(read([encodeFrame(frameTokens(key, 'answers'), 'a1\n')]).damage.length).toBe(1)
    expect(read([encodeFrame(frameTokens(newKey(), 'outbox'), 'a1\n')]).damage.length).toBe(1)
  })

  it('ends the reading, so that nothing behind it is believed', () => {
    const { texts: got, damage } = read([Buffer.from('x'), bytes, bytes])
    expect([got, damage.length]).toEqual([[], 1])
  })
})

describe('messages between threads', () => {
  it('are taken in their order only, and only as they were made', () => {
    const writer = frameTokens(key, 'inbox')
    const reader = frameTokens(key, 'inbox')
    const first = encodeMessage(writer, 'r1\n')
    expect(decodeMessage(reader, first)).toBe('r1\n')
    expect(decodeMessage(reader, encodeMessage(writer, ''))).toBe('')
    expect(decodeMessage(reader, first)).toBe(null)
    for (const forged of ['', 'd1\t1,1,1\t1\n', `x${first.slice(1)}`, first.slice(1)]) {
      expect(decodeMessage(frameTokens(key, 'inbox'), forged)).toBe(null)
    }
  })
})
