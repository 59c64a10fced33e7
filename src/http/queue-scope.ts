import { checkText, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'

const MAX_PATTERNS = 100

/** Which queues an access sees: all, or those that one of its patterns matches. `*` stands for any text. */
export class QueueScope {
  /** Null: all queues. */
  readonly patterns: readonly string[] | null
  readonly #match: RegExp | null

  /** @throws {ConfigError} */
  constructor(patterns: unknown) {
    this.patterns = patterns === undefined || patterns === null ? null : checked(patterns)
    const parts = this.patterns?.map((pattern) => pattern.split('*').map(escaped).join('.*'))
    this.#match = parts === undefined ? null : new RegExp(`^(?:${parts.join('|')})$`, 's')
  }

  get isWhole(): boolean {
    return this.patterns === null
  }

  sees(queue: string): boolean {
    return this.#match === null || this.#match.test(queue)
  }

  /** Tells apart what may be shared between two accesses. */
  get key(): string {
    return JSON.stringify(this.patterns)
  }
}

function checked(patterns: unknown): readonly string[] {
  if (!Array.isArray(patterns) || patterns.length > MAX_PATTERNS || patterns.length === 0) {
    throw new ConfigError(
      `access: queues: expected an array of 1 to ${MAX_PATTERNS} patterns like "mail*", got ${inspect(patterns)}.`,
    )
  }
  return patterns.map((one) => checkText(one, { what: 'access: queues', maxBytes: 200 }))
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
