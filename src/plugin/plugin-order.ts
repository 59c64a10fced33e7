import { ConfigError, PluginError } from '../core/errors.ts'
import { parseCommandName } from './parts/command-name.ts'
import { LEADERSHIP } from './parts/leadership.ts'
import type { Plugin } from './plugin.ts'
import { ownNamesOf } from './plugin-names.ts'
import { checkPlugin } from './plugin-shape.ts'

/**
 * The plugins of one application: what one needs comes before it, the rest stays as given.
 *
 * @throws {ConfigError} when one is no plugin
 * @throws {PluginError} when a name is taken twice or a need is missing
 */
export function inOrder(given: readonly Plugin[]): readonly Plugin[] {
  const byName = new Map<string, Plugin>()
  const commands = new Map<string, string>()
  for (const plugin of given.map(checkPlugin)) {
    if (byName.has(plugin.name)) throw taken(`Two plugins are called "${plugin.name}".`, plugin)
    for (const other of byName.values()) checkApart(plugin, other)
    byName.set(plugin.name, plugin)
    for (const { name } of plugin.commands ?? []) {
      const words = parseCommandName(name, 'name').words.join(' ')
      const owner = commands.get(words)
      if (owner !== undefined)
        throw taken(`"${owner}" and "${plugin.name}" both have the command "${words}".`, plugin)
      commands.set(words, plugin.name)
    }
  }
  const ordered = new Set<Plugin>()
  const visit = (plugin: Plugin, path: readonly string[]): void => {
    if (ordered.has(plugin)) return
    if (path.includes(plugin.name)) {
      throw new ConfigError(
        `Plugins need each other in a circle: ${[...path, plugin.name].join(' → ')}.`,
      )
    }
    for (const [need, why] of needsOf(plugin)) {
      const needed = byName.get(need)
      if (needed === undefined) throw missing(plugin, need, why)
      visit(needed, [...path, plugin.name])
    }
    ordered.add(plugin)
  }
  for (const plugin of byName.values()) visit(plugin, [])
  return [...ordered]
}

/** No table of one may begin like those of the other, or their names could meet. */
function checkApart(a: Plugin, b: Plugin): void {
  const [first, second] = [ownNamesOf(a.name).table, ownNamesOf(b.name).table]
  if (!first.startsWith(second) && !second.startsWith(first)) return
  throw taken(
    `The tables of "${a.name}" (${first}…) and of "${b.name}" (${second}…) may have the same names.`,
    a,
  )
}

function needsOf(plugin: Plugin): (readonly [need: string, why: string])[] {
  const needs = (plugin.needs ?? []).map((need) => [need, ''] as const)
  const isLed = plugin.loops?.some(({ on }) => on === 'leader') === true || plugin.cleanup
  return isLed ? [...needs, [LEADERSHIP, ' for what it does in the worker that leads']] : needs
}

function missing(plugin: Plugin, need: string, why: string): PluginError {
  const { name } = plugin
  return new PluginError(
    'PLUGIN_NEED_MISSING',
    `The plugin "${name}" needs "${need}"${why}, which is not among the plugins. Add ${need.split('.')[1]}().`,
    { details: { plugin: name, need } },
  )
}

function taken(why: string, plugin: Plugin): PluginError {
  const details = { plugin: plugin.name }
  return new PluginError('PLUGIN_NAME_TAKEN', `${why} Remove or rename one of them.`, { details })
}
