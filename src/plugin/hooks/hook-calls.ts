import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { isThenable } from '../../core/thenable.ts'
import { loggedError } from '../../database/logged-error.ts'
import type { HookName } from './hook-names.ts'

/** How long a hook may take to answer, in milliseconds. */
export const HOOK_TIMEOUT_MS = 10_000
/** How often the failures of one hook are logged, in milliseconds. */
const LOG_MS = 60_000

/** Calls hooks within a time, and logs those that fail. */
export class HookCalls {
  readonly #clock: Clock
  readonly #log: Logger
  /** By plugin and hook: when it was logged last, and what was left out since. */
  readonly #logged = new Map<string, { atMs: number; leftOut: number }>()

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  /**
   * What a hook answers, checked. `absent` when it throws, takes too long or answers nonsense. Without
   * a promise there is nothing to wait for, and no timer.
   */
  async call<T>(
    plugin: { readonly name: string },
    hook: HookName,
    work: () => unknown,
    checked: (value: unknown) => T,
    absent: T,
  ): Promise<T> {
    try {
      const given = work()
      return checked(isThenable(given) ? await this.#inTime(given) : given)
    } catch (error) {
      this.failed(plugin.name, hook, error)
      return absent
    }
  }

  /** The same of a synchronous hook. */
  callSync<T>(
    plugin: { readonly name: string },
    hook: HookName,
    work: () => unknown,
    checked: (value: unknown) => T,
    absent: T,
  ): T {
    try {
      const given = work()
      // It is refused, and its rejection must not end the process.
      if (isThenable(given)) Promise.resolve(given).catch(() => {})
      return checked(given)
    } catch (error) {
      this.failed(plugin.name, hook, error)
      return absent
    }
  }

  /** Logs a failure, at most once a minute for each plugin and hook. */
  failed(plugin: string, hook: HookName, error: unknown): void {
    const now = this.#clock.monotonic()
    const key = `${plugin} ${hook}`
    const last = this.#logged.get(key)
    if (last !== undefined && now - last.atMs < LOG_MS) {
      last.leftOut++
      return
    }
    const repeated = last === undefined || last.leftOut === 0 ? {} : { repeated: last.leftOut }
    this.#logged.set(key, { atMs: now, leftOut: 0 })
    this.#log.error({ plugin, hook, ...loggedError(error), ...repeated }, 'plugin hook failed')
  }

  async #inTime(given: PromiseLike<unknown>): Promise<unknown> {
    const over = new AbortController()
    const late = this.#clock.sleep(HOOK_TIMEOUT_MS, over.signal).then(() => {
      if (over.signal.aborted) return undefined
      throw new Error(`it has not answered within ${HOOK_TIMEOUT_MS} ms`)
    })
    late.catch(() => {})
    try {
      return await Promise.race([given, late])
    } finally {
      over.abort()
    }
  }
}
