import { inspect } from '../core/check.ts'
import { ConfigError, PluginError } from '../core/errors.ts'
import { HOOKS } from './hooks/hook-names.ts'
import { LEADERSHIP } from './parts/leadership.ts'
import {
  checkAround,
  checkCheck,
  checkCommand,
  checkLoop,
  checkMigration,
  checkRoute,
} from './parts/part-shapes.ts'
import { checkPluginRights } from './parts/plugin-rights.ts'
import type { Plugin } from './plugin.ts'
import { checkPluginName, ownNamesOf } from './plugin-names.ts'

/** The version of the contract that this release has. */
const CONTRACT = 1
const FUNCTIONS: readonly string[] = [...HOOKS, 'lead', 'isIdle']
const HOOK_LIKE = /^(on|before|after)[A-Z_]/

/**
 * Checks that something is a plugin. It may have more than the contract names, so what is unknown is
 * refused only where it is a function with the name of a hook: nothing would ever call it.
 *
 * @throws {ConfigError}
 * @throws {PluginError} `PLUGIN_CONTRACT`
 */
export function checkPlugin(value: unknown): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined
  if (typeof plugin !== 'object' || plugin === null) {
    throw new ConfigError(
      `A plugin is an object, as definePlugin() returns; got ${inspect(value)}.`,
    )
  }
  const name = checkPluginName(plugin.name)
  const what = `The plugin "${name}"`
  checkContract(plugin.contract, name)
  for (const key of FUNCTIONS) {
    const given = plugin[key as keyof Plugin]
    if (given === undefined || typeof given === 'function') continue
    throw new ConfigError(`${what}: ${key}: expected a function, got ${inspect(given)}.`)
  }
  for (const key of functionsOf(plugin)) {
    if (!HOOK_LIKE.test(key) || FUNCTIONS.includes(key)) continue
    throw new ConfigError(`${what}: there is no hook "${key}". The hooks are ${HOOKS.join(', ')}.`)
  }
  for (const need of listOf(plugin.needs, 'needs', what, 'the names of plugins')) {
    if (typeof need === 'string') continue
    throw new ConfigError(`${what}: needs: expected the names of plugins, got ${inspect(need)}.`)
  }
  for (const event of listOf(plugin.events, 'events', what, 'the names of events')) {
    if (typeof event === 'string' && event.startsWith(`${ownNamesOf(name).dotted}.`)) continue
    throw new ConfigError(
      `${what}: events: expected names that begin with "${ownNamesOf(name).dotted}.", got ${inspect(event)}.`,
    )
  }
  checkParts(plugin, what)
  for (const { id } of plugin.checks ?? []) {
    if (id.startsWith(`${ownNamesOf(name).dotted}.`)) continue
    throw new ConfigError(
      `${what}: checks: expected ids that begin with "${ownNamesOf(name).dotted}.", got ${inspect(id)}.`,
    )
  }
  checkPluginRights(plugin.rights, ownNamesOf(name).table, `${what}: rights`)
  if (name === LEADERSHIP && plugin.lead === undefined) {
    throw new ConfigError(
      `${what}: lead: expected a function, since a plugin of this name says which worker leads.`,
    )
  }
  if (plugin.around !== undefined) checkAround(plugin.around, `${what}: around`)
  return plugin as Plugin
}

function checkParts(plugin: Partial<Plugin>, what: string): void {
  const { migrations, loops, routes, commands, checks } = plugin
  const steps = listOf(migrations, 'migrations', what, 'migration(1, { up, down })')
  for (const [index, one] of steps.entries())
    checkMigration(one, index + 1, `${what}: migrations[${index}]`)
  const parts = [
    ['loops', loops, '{ name, on, pass }', checkLoop],
    ['routes', routes, '{ method, path, may, handle }', checkRoute],
    ['commands', commands, '{ name, summary, run }', checkCommand],
    ['checks', checks, '{ id, title, run }', checkCheck],
  ] as const
  for (const [key, given, shape, check] of parts) {
    const seen = new Set<string>()
    for (const [index, one] of listOf(given, key, what, shape).entries()) {
      const known = check(one, `${what}: ${key}[${index}]`)
      if (seen.has(known))
        throw new ConfigError(`${what}: ${key}: ${inspect(known)} is there twice.`)
      seen.add(known)
    }
  }
}

function checkContract(contract: unknown, name: string): void {
  if (contract === undefined || contract === CONTRACT) return
  throw new PluginError(
    'PLUGIN_CONTRACT',
    `The plugin "${name}" is made for version ${inspect(contract)} of the plugin contract, and this release has version ${CONTRACT}. Use a release of the plugin that is made for this release of chancy.`,
    { details: { plugin: name, contract, supported: CONTRACT } },
  )
}

function listOf(value: unknown, key: string, what: string, of: string): readonly unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  throw new ConfigError(`${what}: ${key}: expected an array of ${of}, got ${inspect(value)}.`)
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
