import { ChancyError } from '../../core/errors.ts'
import type { WirePage } from '../shapes/page.ts'

/** A list that is ordered by a key, with its filter: a cursor of another one is refused. */
export class KeyedList {
  readonly #name: string

  constructor(...nameAndFilter: readonly (string | undefined)[]) {
    this.#name = JSON.stringify(nameAndFilter)
  }

  /** The cursor of what follows this key. */
  cursor(key: string): string {
    return Buffer.from(JSON.stringify([this.#name, key])).toString('base64url')
  }

  /** The key of a cursor. @throws {ChancyError} `CURSOR_INVALID` */
  keyOf(cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined
    const bytes = Buffer.from(cursor, 'base64url')
    const [name, key] = bytes.toString('base64url') === cursor ? parsed(bytes) : []
    if (name === this.#name && typeof key === 'string' && key !== '') return key
    throw new ChancyError('CURSOR_INVALID', 'The cursor is none that a page of this list returned.')
  }

  /** A page of at most `limit` of the items. */
  page<T>(items: readonly T[], limit: number, keyOf: (item: T) => string): WirePage<T> {
    const shown = items.slice(0, limit)
    const last = shown.at(-1)
    const next = items.length > limit && last !== undefined ? this.cursor(keyOf(last)) : null
    return { items: shown, next, complete: true, reached: null }
  }
}

function parsed(bytes: Buffer): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return Array.isArray(value) && value.length === 2 ? value : []
  } catch {
    return []
  }
}
