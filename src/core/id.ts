/**
 * Time-ordered UUIDs (version 7), made by the producer, so that a push can be tried again under the
 * same id. Within a process each is greater than the one before, also when the clock steps back.
 *
 * Source: RFC 9562, 5.7 and method 1 of 6.2 (the 12 bits of rand_a count within a millisecond).
 */

import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const RANDOM_BYTES = 8
const MAX_COUNT = 0xfff
/** A new millisecond starts in the lower half, which leaves 2,048 ids until time is borrowed. */
const MAX_START = 0x7ff

// One call for 512 ids: a call to the generator costs more than the rest of an id.
const pool = Buffer.alloc(512 * RANDOM_BYTES)
let used = pool.length

let lastMs = -1
let count = 0
let prefix = ''

/** A new id. `now` is in milliseconds since the epoch. */
export function newId(now: number): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const ms = Math.floor(now)
  if (ms > lastMs) startMillisecond(ms)
  // More than 4,096 ids in one millisecond borrow from the next one.
  else if (++count > MAX_COUNT) startMillisecond(lastMs + 1)

  const at = used
  used += RANDOM_BYTES
  const counter = HEX[0x70 | (count >> 8)]! + HEX[count & 0xff]!
  const variant = HEX[0x80 | (pool[at]! & 0x3f)]! + HEX[pool[at + 1]!]!
  return `${prefix}${counter}-${variant}-${pool.toString('hex', at + 2, at + RANDOM_BYTES)}`
}

function startMillisecond(ms: number): void {
  lastMs = ms
  const hex = ms.toString(16).padStart(12, '0')
  prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-`
  // Seeds the order within a millisecond and nothing that must be secret: 62 other bits are random.
  count = Math.floor(Math.random() * (MAX_START + 1))
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Says whether a text is a UUID of any version: rows pushed in SQL may have others. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text)
}
