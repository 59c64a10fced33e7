import { ChancyError } from '../../core/errors.ts'
import type { WirePage } from '../shapes/page.ts'

/** A page of a list that is ordered by a key: the cursor is the key of its last element. */
export function keyedPage<T>(
  items: readonly T[],
  limit: number,
  keyOf: (item: T) => string,
): WirePage<T> {
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  const next = items.length > limit && last !== undefined ? cursorOf(keyOf(last)) : null
  return { items: shown, next, complete: true, reached: null }
}

function cursorOf(key: string): string {
  return Buffer.from(key).toString('base64url')
}

/** The key of a cursor. @throws {ChancyError} `CURSOR_INVALID` */
export function keyOf(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const bytes = Buffer.from(cursor, 'base64url')
  const key = bytes.toString()
  if (bytes.length > 0 && bytes.toString('base64url') === cursor && !key.includes('\uFFFD'))
    return key
  throw new ChancyError('CURSOR_INVALID', 'The cursor is none that a page has returned.')
}
