import type { PluginDatabase } from '../../plugin/access/plugin-database.ts'

const MAX_KEYS = 10_000

const all = new WeakMap<PluginDatabase, HeldKeys>()

/**
 * Schedules that were not fired since an open transaction holds a lock: it has pushed a job with the same unique key,
 * or of the same concurrency group. They are tried behind all others, so that these do not wait for the lock too.
 */
export class HeldKeys {
  /** In the order of their last try, the longest ago first. */
  readonly #keys = new Set<string>()

  /** Those of one application. A pass begins with what the last one found. */
  static of(database: PluginDatabase): HeldKeys {
    const held = all.get(database) ?? new HeldKeys()
    all.set(database, held)
    return held
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  add(key: string): void {
    this.#keys.delete(key)
    this.#keys.add(key)
    // Those of schedules that were removed meanwhile.
    const [oldest] = this.#keys
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest)
  }

  delete(key: string): void {
    this.#keys.delete(key)
  }

  /** Of what is due, the schedules that are held, in the order of their last try. */
  inOrder<T extends { readonly key: string }>(due: readonly T[]): T[] {
    const byKey = new Map(due.map((one) => [one.key, one]))
    return [...this.#keys].flatMap((key) => byKey.get(key) ?? [])
  }
}
