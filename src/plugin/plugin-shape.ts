import { nearest, show } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import type { Plugin } from './plugin.ts'

const HOOKS = ['run', 'beforeAttempt', 'afterAttempt', 'onSaved', 'cleanup'] as const

/**
 * Checks that something is a plugin. A plugin may have more than its hooks, so what is unknown is
 * refused only where it is a function whose name is nearly that of a hook: one that is misspelt is
 * never called, and nobody would hear of it.
 *
 * @throws {ConfigError}
 */
export function checkPlugin(value: unknown): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined
  if (typeof plugin?.name !== 'string' || plugin.name === '') {
    throw new ConfigError(`A plugin is an object with a name; got ${show(value)} without.`)
  }
  const what = `The plugin "${plugin.name}"`
  for (const hook of HOOKS) {
    const given: unknown = plugin[hook]
    if (given === undefined || typeof given === 'function') continue
    throw new ConfigError(`${what}: ${hook}: expected a function, got ${show(given)}.`)
  }
  const { needs } = plugin
  if (needs !== undefined && !(Array.isArray(needs) && needs.every(isText))) {
    throw new ConfigError(
      `${what}: needs: expected an array of the names of plugins, got ${show(needs)}.`,
    )
  }
  for (const name of functionsOf(plugin)) {
    if ((HOOKS as readonly string[]).includes(name)) continue
    const hook = nearest(name, HOOKS, lettersOff(name))
    if (hook === null) continue
    throw new ConfigError(
      `${what}: there is no hook "${name}". Did you mean "${hook}"? A method of its own needs a name that is not so near to it.`,
    )
  }
  return plugin as Plugin
}

/** In how many letters a misspelt name may differ: short words are near to too many others. */
function lettersOff(name: string): number {
  if (name.length < 4) return 0
  return name.length < 6 ? 1 : 2
}

/** Own and inherited ones; no getter is called. */
function functionsOf(plugin: object): string[] {
  const names: string[] = []
  let level: object | null = plugin
  while (level !== null && level !== Object.prototype) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function') names.push(name)
    }
    level = Object.getPrototypeOf(level) as object | null
  }
  return names
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
