import { randomFillSync } from 'node:crypto'
import { brandClass } from './brand.ts'
import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'

declare const RESULT: unique symbol

/**
 * The id of a queued job: enough to get it, wait for it, cancel it. Also made from the text of an
 * id that was kept somewhere: `Reference.from(text)`. Equal when the ids are.
 */
export class Reference<out R = unknown> {
  readonly id: string
  /** False when a push found a job with its unique key and this is the reference of that one. */
  readonly created: boolean
  /** What the job returns; exists for the compiler only. */
  declare readonly [RESULT]?: R

  /** @throws {ConfigError} when `id` is no UUID */
  constructor(id: string, created = false) {
    this.id = checkedId(id)
    this.created = created
    Object.freeze(this)
  }

  /**
   * A reference from the text of an id.
   *
   * @throws {ConfigError} when it is no UUID
   */
  static from<R = unknown>(id: string): Reference<R> {
    return new Reference<R>(id)
  }

  /** Whether both are of the same job. */
  equals(other: { readonly id: string }): boolean {
    return this.id === other.id.toLowerCase()
  }

  /** The id of the job. */
  toString(): string {
    return this.id
  }

  /** In arguments and in logs a reference is its id. */
  toJSON(): string {
    return this.id
  }
}

brandClass(Reference, 'Reference')

/** A job by its reference, its snapshot, or the text of its id. */
export type JobId<R = unknown> = Reference<R> | { readonly id: string } | string

/** @throws {ConfigError} when it is no id */
export function idOf(ref: JobId): string {
  return checkedId(typeof ref === 'object' && ref !== null ? ref.id : ref)
}

/** @throws {ConfigError} when it is no list of ids */
export function idsOf(refs: Iterable<JobId>, what: string): string[] {
  if (typeof refs === 'object' && refs !== null && Symbol.iterator in refs) {
    return [...refs].map(idOf)
  }
  throw new ConfigError(`${what}: expected an array of references, got ${inspect(refs)}.`)
}

function checkedId(id: unknown): string {
  if (isId(id)) return id.toLowerCase()
  throw new ConfigError(`Reference: expected the id of a job, a UUID, got ${inspect(id)}.`)
}

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

/**
 * A new id: a time-ordered UUID (version 7), made by the producer, so that a push can be tried again under the
 * same id. Within a process each is greater than the one before, also when the clock steps back. `now` is in
 * milliseconds since the epoch.
 *
 * Source: RFC 9562, 5.7 and method 1 of 6.2 (the 12 bits of rand_a count within a millisecond).
 */
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
