import { inspect } from '../core/check.ts'
import { CLEANUP_LOOP } from './parts/part-shapes.ts'
import type { PluginLoop } from './parts/plugin-loop.ts'
import type { Plugin } from './plugin.ts'

/** Rows a call. */
const LIMIT = 1_000
const EVERY = '1m'

/** Calls the `cleanup` of a plugin in the worker that leads, again while there is more to remove. */
export function cleanupLoop(plugin: Plugin): PluginLoop {
  return {
    name: CLEANUP_LOOP,
    on: 'leader',
    pass: async (context) => {
      let removed: number | undefined = LIMIT
      while (removed >= LIMIT && !context.signal.aborted) {
        removed = await plugin.cleanup?.(context, LIMIT)
        if (typeof removed !== 'number' || !(removed >= 0))
          throw new Error(`cleanup: expected the number of rows, got ${inspect(removed)}`)
      }
      return EVERY
    },
  }
}
