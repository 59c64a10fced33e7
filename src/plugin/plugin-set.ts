import { ConfigError, PluginError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import { checkedJob, checkedUpdate } from './hook-values.ts'
import type { AttemptUpdate, Plugin, RunningJob } from './plugin.ts'
import type { PluginContext } from './plugin-context.ts'
import { checkPlugin } from './plugin-shape.ts'

/** The plugins of one application, in the order of their needs, folded into one. */
export class PluginSet {
  readonly plugins: readonly Plugin[]
  readonly hasBefore: boolean
  readonly hasAfter: boolean
  readonly hasSaved: boolean
  readonly #log: Logger

  /**
   * @throws {ConfigError} when one is no plugin
   * @throws {PluginError} when a name is taken twice or a need is missing
   */
  constructor(given: readonly Plugin[], log: Logger) {
    this.plugins = inOrder(given)
    this.hasBefore = this.plugins.some((plugin) => plugin.beforeAttempt !== undefined)
    this.hasAfter = this.plugins.some((plugin) => plugin.afterAttempt !== undefined)
    this.hasSaved = this.plugins.some((plugin) => plugin.onSaved !== undefined)
    this.#log = log
  }

  async beforeAttempt(job: RunningJob): Promise<RunningJob> {
    let value = job
    for (const plugin of this.plugins) {
      if (plugin.beforeAttempt === undefined) continue
      try {
        value = checkedJob(await plugin.beforeAttempt(value), value)
      } catch (error) {
        this.#absent(plugin, 'beforeAttempt', error)
      }
    }
    return value
  }

  async afterAttempt(update: AttemptUpdate, outcome: Outcome): Promise<AttemptUpdate> {
    let value = update
    for (const plugin of this.plugins) {
      if (plugin.afterAttempt === undefined) continue
      try {
        value = checkedUpdate(await plugin.afterAttempt(value, outcome), value)
      } catch (error) {
        this.#absent(plugin, 'afterAttempt', error)
      }
    }
    return value
  }

  async onSaved(jobs: readonly QueuedJob[], context: PluginContext): Promise<void> {
    for (const plugin of this.plugins) {
      try {
        await plugin.onSaved?.(jobs, context)
      } catch (error) {
        this.#absent(plugin, 'onSaved', error)
      }
    }
  }

  #absent(plugin: Plugin, hook: string, error: unknown): void {
    this.#log.error({ plugin: plugin.name, hook, err: error }, 'plugin hook failed')
  }
}

function inOrder(given: readonly Plugin[]): readonly Plugin[] {
  const byName = new Map<string, Plugin>()
  for (const plugin of given.map(checkPlugin)) {
    if (byName.has(plugin.name)) {
      throw new PluginError(
        'PLUGIN_NAME_TAKEN',
        `Two plugins are called "${plugin.name}". Remove one of them.`,
        {
          details: { plugin: plugin.name },
        },
      )
    }
    byName.set(plugin.name, plugin)
  }
  const ordered = new Set<Plugin>()
  const visit = (plugin: Plugin, path: readonly string[]): void => {
    if (ordered.has(plugin)) return
    if (path.includes(plugin.name)) {
      throw new ConfigError(
        `Plugins need each other in a circle: ${[...path, plugin.name].join(' → ')}.`,
      )
    }
    for (const need of plugin.needs ?? []) {
      const needed = byName.get(need)
      if (needed === undefined) {
        throw new PluginError(
          'PLUGIN_NEED_MISSING',
          `The plugin "${plugin.name}" needs "${need}", which is not among the plugins. Add it.`,
          { details: { plugin: plugin.name, need } },
        )
      }
      visit(needed, [...path, plugin.name])
    }
    ordered.add(plugin)
  }
  for (const plugin of given) visit(plugin, [])
  return [...ordered]
}
