/** The slow half of the codec: says where a value cannot be stored as JSON, and why. */

import { inspect } from './check.ts'
import { isPlainObject, isPolluting } from './plain-object.ts'
import { showSize } from './size.ts'
import { isStorable } from './storable-text.ts'

export interface Fault {
  /** Such as `args.user.tags[2]`. */
  readonly path: string
  /** Continues after the path: "is NaN, which JSON cannot hold". */
  readonly reason: string
}

/** The first fault in reading order, or null when no single value is at fault. Never throws. */
export function findFault(
  value: unknown,
  what: string,
  maxBytes: number,
  maxDepth: number,
): Fault | null {
  const search = new FaultSearch(what, maxBytes, maxDepth)
  try {
    return search.visit(value, what, true)
  } catch (error) {
    return { path: search.at, reason: `cannot be read: ${inspect(error)}` }
  }
}

class FaultSearch {
  at: string
  readonly #what: string
  readonly #maxBytes: number
  readonly #maxDepth: number
  readonly #ancestors = new Set<object>()
  #budget: number

  constructor(what: string, maxBytes: number, maxDepth: number) {
    this.at = what
    this.#what = what
    this.#maxBytes = maxBytes
    this.#maxDepth = maxDepth
    this.#budget = maxBytes
  }

  visit(value: unknown, path: string, mayConvert: boolean): Fault | null {
    this.at = path
    this.#budget -= typeof value === 'string' ? value.length + 1 : 1
    if (this.#budget < 0) {
      return {
        path: this.#what,
        reason: `is more JSON than the limit of ${showSize(this.#maxBytes)}`,
      }
    }
    if (value === null || typeof value === 'boolean') return null
    if (typeof value === 'object') return this.#visitObject(value, path, mayConvert)
    const reason = scalarReason(value)
    return reason === null ? null : { path, reason }
  }

  #visitObject(value: object, path: string, mayConvert: boolean): Fault | null {
    if (this.#ancestors.has(value)) return { path, reason: 'refers back to itself: a cycle' }
    if (this.#ancestors.size >= this.#maxDepth) {
      return { path, reason: `is nested more than ${this.#maxDepth} deep` }
    }
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') {
      if (value instanceof Date && Number.isNaN(value.getTime())) {
        return { path, reason: 'is an Invalid Date' }
      }
      if (!mayConvert) return { path, reason: 'has a toJSON that gives an object with a toJSON' }
      return this.visit(toJSON.call(value, ''), path, false)
    }
    this.#ancestors.add(value)
    const fault = Array.isArray(value) ? this.#items(value, path) : this.#properties(value, path)
    this.#ancestors.delete(value)
    return fault
  }

  #items(items: readonly unknown[], path: string): Fault | null {
    for (let index = 0; index < items.length; index++) {
      const fault = this.visit(items[index], `${path}[${index}]`, true)
      if (fault !== null) return fault
    }
    return null
  }

  #properties(value: object, path: string): Fault | null {
    if (!isPlainObject(value)) {
      return {
        path,
        reason: `is ${inspect(value)}, which JSON would lose; give plain data or a toJSON`,
      }
    }
    for (const key of Object.keys(value)) {
      const below = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${inspect(key)}]`
      this.at = below
      if (!isStorable(key)) return { path: below, reason: `has a key with ${unstorable(key)}` }
      const item = value[key]
      if (isPolluting(key, item)) return { path: below, reason: 'could change a prototype' }
      const fault = item === undefined ? null : this.visit(item, below, true)
      if (fault !== null) return fault
    }
    return null
  }
}

function scalarReason(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return isStorable(value) ? null : `has ${unstorable(value)}`
    case 'number':
      return Number.isFinite(value) ? null : `is ${value}, which JSON cannot hold`
    case 'undefined':
      return 'is undefined, which JSON cannot hold here; use null'
    case 'bigint':
      return `is the BigInt ${inspect(value)}, which JSON cannot hold; use a string`
    default:
      return `is ${typeof value === 'symbol' ? 'a symbol' : inspect(value)}, which JSON cannot hold`
  }
}

function unstorable(text: string): string {
  const found = text.includes('\0') ? 'a NUL character' : 'a lone surrogate'
  return `${found}, which PostgreSQL cannot store`
}
