import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import type { Plugin } from './plugin.ts'

/** By it an application lists its plugins, also for another copy of the package. */
export const PLUGIN_LIST: unique symbol = Symbol.for('chancy.plugin-list') as never

/** What lists its plugins: a `Chancy`. */
export interface PluginLister {
  readonly [PLUGIN_LIST]: readonly Plugin[]
}

/** The plugins of an application in their order, the default ones among them. @throws {ConfigError} */
export function pluginsOf(chancy: PluginLister): readonly Plugin[] {
  const plugins: unknown = (chancy as Partial<PluginLister> | null | undefined)?.[PLUGIN_LIST]
  if (Array.isArray(plugins)) return plugins as readonly Plugin[]
  throw new ConfigError(`Expected a Chancy, got ${inspect(chancy)}.`)
}
