import type { Chancy, EventMap, Plugin } from '../index.ts'

const HOOKS = ['onPush', 'beforeAttempt', 'afterAttempt', 'onSaved'] as const
/** How long a pass is waited for, in milliseconds: it may last as long as its worker. */
const PASS_MS = 5_000

/** In the place of the leadership: every worker leads. */
export function alwaysLeads(): Plugin {
  const { signal } = new AbortController()
  return {
    name: 'chancy.leadership',
    lead: () => ({ isOpen: true, opened: async () => signal, stop: async () => {} }),
  }
}

/** The plugin, with hooks that all throw. */
export function sabotaged(plugin: Plugin): Plugin {
  const value = (): never => {
    throw new Error('a hook of the test')
  }
  const hooks = HOOKS.filter((hook) => plugin[hook] !== undefined)
  return Object.create(
    plugin,
    Object.fromEntries(hooks.map((hook) => [hook, { value, enumerable: true }])),
  ) as Plugin
}

/** Resolves when each loop of the plugins has passed once, or has had its time. Keeps those that failed. */
export function passesOf(
  chancy: Chancy,
  plugins: readonly Plugin[],
  failed: EventMap['plugin.passed'][],
): Promise<void> {
  const missing = new Set(
    plugins.flatMap(({ name, loops = [], cleanup }) => [
      ...loops.map((loop) => `${name}/${loop.name}`),
      ...(cleanup === undefined ? [] : [`${name}/cleanup`]),
    ]),
  )
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, PASS_MS)
    chancy.on('plugin.passed', (passed) => {
      if (passed.error !== null) failed.push(passed)
      missing.delete(`${passed.plugin}/${passed.loop}`)
      if (missing.size === 0) end()
    })
    if (missing.size === 0) end()
  })
}
