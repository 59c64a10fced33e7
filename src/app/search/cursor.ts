import { createHash } from 'node:crypto'
import { ChancyError } from '../../core/errors.ts'
import { timeOfId } from './id-ranges.ts'

/** A place in a search, as `find_jobs` returns it. */
export type Place = Readonly<Record<string, unknown>>

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const TIME =
  /^(?:-?infinity|\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d(?::\d\d)?(?: BC)?)$/
/** What a place may hold. */
const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  s: (value) => typeof value === 'string' && /^(?:ids|walk|\d{8})$/.test(value),
  id: (value) => typeof value === 'string' && UUID.test(value),
  at: (value) => typeof value === 'string' && TIME.test(value),
  o: (value) => typeof value === 'string' && TIME.test(value),
  p: Number.isSafeInteger,
  q: Number.isSafeInteger,
}

/** What a cursor belongs to: the same filter, order and scope. */
export function bindingOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16)
}

/** An opaque text of a place. */
export function cursorOf(place: Place, binding: string): string {
  return Buffer.from(`${binding}${JSON.stringify(place)}`).toString('base64url')
}

/** @throws {ChancyError} `CURSOR_INVALID` */
export function placeOf(cursor: unknown, binding: string): Place {
  if (typeof cursor !== 'string' || cursor.length > 1_000) throw invalid('is none of a page')
  const text = Buffer.from(cursor, 'base64url').toString()
  const place = decoded(text.slice(binding.length))
  if (place === null) throw invalid('is none of a page')
  if (text.slice(0, binding.length) !== binding)
    throw invalid('belongs to another filter, order or scope')
  return place
}

/** The time that a search has come to, or null where the place has none. */
export function timeOf({ id, at, p }: Place): Date | null {
  if (p !== undefined) return null
  const ms = typeof at === 'string' ? Date.parse(at) : timeOfId(String(id))
  return Number.isNaN(ms) || Math.abs(ms) > 8.64e15 ? null : new Date(ms)
}

function decoded(text: string): Place | null {
  try {
    const place = JSON.parse(text) as unknown
    if (typeof place !== 'object' || place === null || Array.isArray(place)) return null
    const isFine = Object.entries(place).every(([name, value]) => FIELDS[name]?.(value) === true)
    return isFine ? (place as Place) : null
  } catch {
    return null
  }
}

function invalid(why: string): ChancyError {
  return new ChancyError('CURSOR_INVALID', `cursor: it ${why}. Begin again without a cursor.`)
}
