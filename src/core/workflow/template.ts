import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { encodeJson, MAX_ARGS_BYTES, MAX_DEPTH } from '../json.ts'
import { isPlainObject } from '../plain-object.ts'
import type { Hole, Template } from './flow-plan.ts'
import { type Origin, originOf, type PathKey } from './placeholder.ts'

/** What may stand in a template besides JSON, and how it is named in a message. */
export interface TemplateRule {
  readonly what: string
  /** The hole of a placeholder; throws for one that cannot be used here. */
  readonly holeOf: (origin: Origin) => Omit<Hole, 'at'>
  /** Throws for a value that only looks like an output: a step itself, a promise. */
  readonly check: (value: object, path: string) => void
}

/**
 * JSON with holes where the value has placeholders.
 *
 * @throws {ConfigError} with the path to what cannot be stored, or for more than 1 MiB
 */
export function templateOf(value: unknown, rule: TemplateRule): Template {
  const search = new HoleSearch(rule)
  const filled = search.visit(value, [])
  const text = encodeJson(filled, {
    what: rule.what,
    maxBytes: MAX_ARGS_BYTES,
    error: (message, details) => new ConfigError(message, { details }),
  })
  return { value: text, holes: search.holes }
}

class HoleSearch {
  readonly holes: Hole[] = []
  readonly #rule: TemplateRule
  // What has more parts than that is too large, and so is one that refers back to itself.
  #budget = MAX_ARGS_BYTES

  constructor(rule: TemplateRule) {
    this.#rule = rule
  }

  /** A copy with null in each hole. What JSON cannot hold stays, and is refused when it is encoded. */
  visit(value: unknown, at: readonly PathKey[]): unknown {
    const origin = originOf(value)
    if (origin !== null) {
      this.holes.push({ at, ...this.#rule.holeOf(origin) })
      return null
    }
    if (typeof value !== 'object' || value === null) return value
    this.#rule.check(value, pathText(this.#rule.what, at))
    if (at.length >= MAX_DEPTH || --this.#budget < 0) return value
    if (Array.isArray(value)) return value.map((item, index) => this.visit(item, [...at, index]))
    if (!isPlainObject(value) || typeof value.toJSON === 'function') return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.visit(item, [...at, key])]),
    )
  }
}

function pathText(what: string, at: readonly PathKey[]): string {
  return at.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}[${inspect(key)}]`),
    what,
  )
}
