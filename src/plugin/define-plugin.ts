import { isPlainObject } from '../core/plain-object.ts'
import type { HOOKS } from './hooks/hook-names.ts'
import type { Plugin } from './plugin.ts'
import { checkPlugin } from './plugin-shape.ts'

type Letter =
  | ('A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M')
  | ('N' | 'O' | 'P' | 'Q' | 'R' | 'S' | 'T' | 'U' | 'V' | 'W' | 'X' | 'Y' | 'Z')
type HookLike = `${'on' | 'before' | 'after'}${Letter}${string}`
/** Names that look like a hook and are none: such a function would never be called. */
type UnknownHook<P> = Exclude<keyof P & HookLike, (typeof HOOKS)[number]>
/** No argument where there is no such name; otherwise one that there cannot be. */
type NoUnknownHook<P> = [UnknownHook<P>] extends [never]
  ? []
  : [unknownHook: `there is no hook ${UnknownHook<P>}` & never]

/**
 * Checks a plugin and returns it, frozen. Its type stays that of what was given; the name of a hook that
 * does not exist is refused when it is compiled, as if an argument were missing.
 *
 * @throws {ConfigError} that says what is wrong and what to write
 */
export function definePlugin<const P extends Plugin>(
  plugin: P,
  ..._unknownHook: NoUnknownHook<P>
): Readonly<P> {
  checkPlugin(plugin)
  // An instance of a class may have private fields, which no copy has.
  if (!isPlainObject(plugin)) return plugin
  return Object.freeze({ ...plugin, contract: 1 })
}
