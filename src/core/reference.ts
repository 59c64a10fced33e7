import { brandClass } from './brand.ts'
import { show } from './check.ts'
import { ConfigError } from './errors.ts'
import { isId } from './id.ts'

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
    if (!isId(id)) {
      throw new ConfigError(`Reference: expected the id of a job, a UUID, got ${show(id)}.`)
    }
    this.id = id.toLowerCase()
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

  equals(other: { readonly id: string }): boolean {
    return this.id === other.id.toLowerCase()
  }

  toString(): string {
    return this.id
  }

  /** In arguments and in logs a reference is its id. */
  toJSON(): string {
    return this.id
  }
}

brandClass(Reference, 'Reference')
