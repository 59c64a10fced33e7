import type { Clock } from '../core/clock.ts'
import type { PluginContext } from '../plugin/access/plugin-access.ts'
import type { SavedAttempt } from '../plugin/hooks/saved-attempt.ts'
import type { Plugin } from '../plugin/plugin.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'

/** Hands what was saved to the plugins, beside the saving. */
export class SavedHooks {
  readonly #plugins: PluginSet
  readonly #clock: Clock
  readonly #contexts = new Map<Plugin, PluginContext>()
  readonly #contextFor: (plugin: Plugin) => PluginContext
  readonly #pending = new Set<Promise<void>>()
  /** Called when the last hook under way has answered. */
  onSettled: () => void = () => {}

  constructor(plugins: PluginSet, clock: Clock, contextFor: (plugin: Plugin) => PluginContext) {
    this.#plugins = plugins
    this.#clock = clock
    this.#contextFor = contextFor
  }

  tell(saved: readonly SavedAttempt[]): void {
    const called = this.#plugins.onSaved(saved, (plugin) => this.#contextOf(plugin))
    this.#pending.add(called)
    void called.finally(() => {
      this.#pending.delete(called)
      if (this.#pending.size === 0) this.onSettled()
    })
  }

  /** Whether a hook has not answered yet. */
  get isPending(): boolean {
    return this.#pending.size > 0
  }

  /** Resolves when the hooks have answered, or after `ms`. */
  async settled(ms: number): Promise<void> {
    if (this.#pending.size === 0) return
    const over = new AbortController()
    await Promise.race([Promise.all(this.#pending), this.#clock.sleep(ms, over.signal)])
    over.abort()
  }

  #contextOf(plugin: Plugin): PluginContext {
    let context = this.#contexts.get(plugin)
    if (context === undefined) {
      context = this.#contextFor(plugin)
      this.#contexts.set(plugin, context)
    }
    return context
  }
}
