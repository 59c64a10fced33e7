/**
 * Frames: how lines cross between a parent and a child. Each frame begins and ends with a token that
 * only the two sides know, another one each time: a keystream of a secret that the jobs of the child
 * are not given. So a reader finds every byte that something else has written into the channel or
 * has read out of it, and a job cannot make a frame of its own, whatever descriptor it writes to.
 *
 *     token (8 bytes)  length of the text in bytes (4)  the same masked by the token (4)  text  token (8)
 *
 * Between threads, where messages are kept apart, it is a token and the text.
 *
 * This keeps apart what belongs to the executor and what code writes, by mistake or on purpose. Code
 * that reads the memory of its own process finds the secret: executors isolate resources.
 */

import { createCipheriv, randomBytes } from 'node:crypto'

/** One writer and one reader each. */
export type Channel = 'inbox' | 'outbox' | 'recalls' | 'answers'

/** The tokens of the frames of one channel, in their order. Both ends have them. */
export interface Tokens {
  /** Holds those of the next frame, one after the other, from `at` on. */
  readonly bytes: Buffer
  readonly at: number
  next(): void
}

/** The length of a secret, in bytes. */
export const KEY_BYTES = 32
const IV_BYTES = 16
const TOKEN_BYTES = 8
const PAIR_BYTES = 2 * TOKEN_BYTES
const LENGTH_AT = TOKEN_BYTES
const TEXT_AT = LENGTH_AT + 8
/** What a frame has besides its text. */
const AROUND_BYTES = TEXT_AT + TOKEN_BYTES
/** No text is nearly as long: a child hands over lines as soon as it has them. */
const MAX_TEXT_BYTES = 64 * 1_024 ** 2
/** How much is shown of what is no frame, in bytes. */
const SHOWN_BYTES = 200
/** For 256 frames. */
const ZEROS = Buffer.alloc(256 * PAIR_BYTES)
const CHANNELS: readonly Channel[] = ['inbox', 'outbox', 'recalls', 'answers']

// Bound here: what a job assigns to the built-in classes later changes nothing.
const { allocUnsafe, byteLength } = Buffer
const write = Function.prototype.call.bind(Buffer.prototype.write) as (
  buffer: Buffer,
  text: string,
  at: number,
  length: number,
  encoding: 'utf8',
) => number

/** The secret of one child. */
export function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

export function frameTokens(key: Uint8Array, channel: Channel): Tokens {
  const iv = Buffer.alloc(IV_BYTES, 0)
  // The last bytes of it are a counter.
  iv[0] = CHANNELS.indexOf(channel)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  const more = cipher.update.bind(cipher) as (bytes: Buffer) => Buffer
  const tokens = {
    bytes: more(ZEROS),
    at: 0,
    next(): void {
      tokens.at += PAIR_BYTES
      if (tokens.at < tokens.bytes.length) return
      tokens.bytes = more(ZEROS)
      tokens.at = 0
    },
  }
  return tokens
}

/** The next frame between threads. */
export function encodeMessage(tokens: Tokens, text: string): string {
  const token = tokens.bytes.toString('latin1', tokens.at, tokens.at + PAIR_BYTES)
  tokens.next()
  return token + text
}

/** The text of a frame between threads, or null when it is none. */
export function decodeMessage(tokens: Tokens, message: string): string | null {
  const token = tokens.bytes.toString('latin1', tokens.at, tokens.at + PAIR_BYTES)
  tokens.next()
  return message.startsWith(token) ? message.slice(PAIR_BYTES) : null
}

/** The next frame of a byte stream. */
export function encodeFrame(tokens: Tokens, text: string): Buffer {
  const { bytes, at } = tokens
  const length = byteLength(text)
  const frame = allocUnsafe(AROUND_BYTES + length)
  const tailAt = TEXT_AT + length
  for (let index = 0; index < TOKEN_BYTES; index++) {
    frame[index] = bytes[at + index]!
    frame[tailAt + index] = bytes[at + TOKEN_BYTES + index]!
  }
  for (let index = 0; index < 4; index++) {
    const byte = (length >>> (8 * index)) & 0xff
    frame[LENGTH_AT + index] = byte
    frame[LENGTH_AT + 4 + index] = byte ^ bytes[at + index]!
  }
  write(frame, text, TEXT_AT, length, 'utf8')
  tokens.next()
  return frame
}

/** Takes the frames of a byte stream, however it is cut into pieces. */
export class FrameReader {
  readonly #tokens: Tokens
  readonly #onText: (text: string) => void
  readonly #onDamage: (shown: string) => void
  #pieces: Buffer[] = []
  #size = 0
  /** The next frame is complete when there are this many bytes. */
  #wanted = 0
  #isDamaged = false

  /** @param onDamage Is called once, with the beginning of what is no frame; nothing is read after it. */
  constructor(tokens: Tokens, onText: (text: string) => void, onDamage: (shown: string) => void) {
    this.#tokens = tokens
    this.#onText = onText
    this.#onDamage = onDamage
  }

  push(piece: Buffer): void {
    if (this.#isDamaged) return
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size < this.#wanted) return
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#size)
    const begun = this.#read(bytes)
    this.#pieces = begun.length === 0 ? [] : [begun]
    this.#size = begun.length
  }

  /** Passes on the complete frames and returns what comes after them. */
  #read(bytes: Buffer): Buffer {
    let at = 0
    while (at < bytes.length) {
      // Checked before the text has come: for a length that is not of a frame it would wait for ever.
      const length = this.#isToken(bytes, at, 0) ? this.#lengthAt(bytes, at) : -1
      if (length < 0) return this.#damaged(bytes, at)
      this.#wanted = AROUND_BYTES + length
      if (bytes.length - at < this.#wanted) return bytes.subarray(at)
      const end = at + TEXT_AT + length
      if (!this.#isToken(bytes, end, TOKEN_BYTES)) return this.#damaged(bytes, at)
      const text = bytes.toString('utf8', at + TEXT_AT, end)
      at = end + TOKEN_BYTES
      this.#tokens.next()
      this.#onText(text)
    }
    this.#wanted = 0
    return bytes.subarray(at)
  }

  /** Whether a token stands there, as far as it is there yet. */
  #isToken(bytes: Buffer, at: number, offset: number): boolean {
    const { bytes: known, at: first } = this.#tokens
    const end = Math.min(TOKEN_BYTES, bytes.length - at)
    for (let index = 0; index < end; index++) {
      if (bytes[at + index] !== known[first + offset + index]) return false
    }
    return true
  }

  /** The length of the next text, 0 before it is there, below 0 when it is none of ours. */
  #lengthAt(bytes: Buffer, at: number): number {
    if (bytes.length - at < TEXT_AT) return 0
    const { bytes: known, at: first } = this.#tokens
    for (let index = 0; index < 4; index++) {
      const byte = bytes[at + LENGTH_AT + index]! ^ known[first + index]!
      if (bytes[at + LENGTH_AT + 4 + index] !== byte) return -1
    }
    const length = bytes.readUInt32LE(at + LENGTH_AT)
    return length <= MAX_TEXT_BYTES ? length : -1
  }

  #damaged(bytes: Buffer, at: number): Buffer {
    this.#isDamaged = true
    this.#onDamage(bytes.toString('utf8', at, Math.min(at + SHOWN_BYTES, bytes.length)))
    return bytes.subarray(bytes.length)
  }
}
