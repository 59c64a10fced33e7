/** Paths of values that are masked, and the walk over JSON text that masks them. */

import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'

/** Names of keys; `*` is any one key or element, `**` any number of them. */
export type MaskPath = readonly string[]

/** A path such as `customer.*.email` or `**.password`. @throws {ConfigError} */
export function parseMaskPath(text: string): MaskPath {
  const path = text.split('.')
  if (path.every((part) => part !== '')) return path
  throw new ConfigError(
    `mask: expected a path like "customer.*.email" or "**.password", got ${inspect(text)}.`,
  )
}

/**
 * JSON text in which each value at one of the paths is `placeholder`, itself JSON. `**` at the end masks every value
 * that is no object and no array, so that shapes are left. The rest stays letter by letter: no number is read.
 */
export function maskJson(text: string, paths: readonly MaskPath[], placeholder: string): string {
  return new Walk(text, placeholder).value(paths)
}

const MAX_DEPTH = 200

/** Goes once through a text that is valid JSON. */
class Walk {
  readonly #text: string
  readonly #placeholder: string
  #at = 0
  #depth = 0

  constructor(text: string, placeholder: string) {
    this.#text = text
    this.#placeholder = placeholder
  }

  /** The value that begins here, masked by what is left of the paths. */
  value(paths: readonly MaskPath[]): string {
    this.#space()
    const first = this.#text[this.#at]
    // A row written by hand may be nested deeper than a walk can follow.
    if (paths.some((path) => path.length === 0) || this.#depth > MAX_DEPTH) {
      this.#skip()
      return this.#placeholder
    }
    if (first === '{' || first === '[') {
      this.#depth++
      const masked = first === '{' ? this.#object(paths) : this.#array(paths)
      this.#depth--
      return masked
    }
    const start = this.#at
    this.#skip()
    const isLeaf = paths.some((path) => path.every((part) => part === '**'))
    return isLeaf ? this.#placeholder : this.#text.slice(start, this.#at)
  }

  #object(paths: readonly MaskPath[]): string {
    const parts: string[] = []
    this.#at++
    for (this.#space(); this.#text[this.#at] !== '}'; this.#space()) {
      if (this.#text[this.#at] === ',') this.#at++
      this.#space()
      const start = this.#at
      this.#skip()
      const key = this.#text.slice(start, this.#at)
      this.#space()
      this.#at++
      parts.push(`${key}: ${this.value(below(paths, JSON.parse(key) as string))}`)
    }
    this.#at++
    return `{${parts.join(', ')}}`
  }

  #array(paths: readonly MaskPath[]): string {
    const parts: string[] = []
    this.#at++
    for (this.#space(); this.#text[this.#at] !== ']'; this.#space()) {
      if (this.#text[this.#at] === ',') this.#at++
      parts.push(this.value(below(paths, String(parts.length))))
    }
    this.#at++
    return `[${parts.join(', ')}]`
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  /** Goes behind the value that begins here. */
  #skip(): void {
    const first = this.#text[this.#at]
    if (first === '"') {
      for (this.#at++; this.#text[this.#at] !== '"'; this.#at++)
        if (this.#text[this.#at] === '\\') this.#at++
      this.#at++
    } else if (first === '{' || first === '[') {
      let depth = 0
      do {
        const one = this.#text[this.#at]
        if (one === '"') {
          this.#skip()
          continue
        }
        if (one === '{' || one === '[') depth++
        else if (one === '}' || one === ']') depth--
        this.#at++
      } while (depth > 0)
    } else {
      while (/[^\s,}\]]/.test(this.#text[this.#at] ?? ',')) this.#at++
    }
  }
}

/** What is left of the paths below a key. */
function below(paths: readonly MaskPath[], key: string): MaskPath[] {
  return paths.flatMap((path) => stepped(path, key))
}

function stepped(path: MaskPath, key: string): MaskPath[] {
  const [first, ...rest] = path
  if (first === undefined) return []
  if (first === '**') return rest.length === 0 ? [path] : [path, ...stepped(rest, key)]
  return first === '*' || first === key ? [rest] : []
}
