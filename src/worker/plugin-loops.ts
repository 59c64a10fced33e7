import type { PluginContext } from '../plugin/plugin-context.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'
import { Loop } from './loop.ts'
import type { Service } from './service.ts'

/** Runs the loops of the plugins. One that throws is started again with backoff; the others go on. */
export class PluginLoops implements Service {
  readonly #loops: readonly Loop[]
  readonly #stopping = new AbortController()

  constructor(plugins: PluginSet, contextFor: (signal: AbortSignal) => PluginContext) {
    const context = contextFor(this.#stopping.signal)
    this.#loops = plugins.plugins
      .filter((plugin) => plugin.run !== undefined)
      .map(
        (plugin) =>
          new Loop({
            clock: context.clock,
            pass: async (signal) => {
              await plugin.run?.(context)
              // A loop that returns has nothing more to do.
              if (!signal.aborted) await context.clock.sleep(2 ** 31 - 1, signal)
              return 0
            },
            onError: (error) =>
              context.log.error({ err: error, plugin: plugin.name }, 'the loop of a plugin failed'),
          }),
      )
  }

  start(): void {
    for (const loop of this.#loops) loop.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }
}
