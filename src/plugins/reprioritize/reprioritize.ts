import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { type PriorityRaise, parseRaises } from './raise.ts'
import { raiseLoop } from './raise-loop.ts'

export type { PriorityRaise } from './raise.ts'

declare module '../../events/event-map.ts' {
  interface EventMap {
    /** A pass in this worker, which leads, has raised the priority of waiting jobs. It read `read` of them. */
    'reprioritize.raised': { readonly raised: number; readonly read: number }
  }
}

/** Options of `reprioritize(raises, options)`. */
export interface ReprioritizeOptions {
  /** How long after a pass the next one begins at the earliest: 1 s to a day. Default: `'10s'`. */
  readonly every?: Duration
  /** How many jobs a transaction raises: 1 to 10,000. Default: 1,000. */
  readonly batch?: number
}

const DEFAULT_BATCH = 1_000
const MAX_BATCH = 10_000
const [MIN_EVERY_MS, MAX_EVERY_MS] = [1_000, 86_400_000]

/**
 * Raises the priority of jobs that wait: one that fits `where` has at least the priority `by × floor(waiting / per)`,
 * up to `to`. Those raised go before their new equals.
 *
 * @throws {ConfigError}
 */
export function reprioritize(
  raises: readonly PriorityRaise[],
  options?: ReprioritizeOptions,
): Plugin {
  const given = checkOptions(options, ['every', 'batch'], 'reprioritize')
  const everyMs = durationMs(given.every ?? '10s', 'reprioritize: every')
  if (everyMs < MIN_EVERY_MS || everyMs > MAX_EVERY_MS)
    throw new ConfigError(`reprioritize: every: expected 1s to 1d, got ${inspect(given.every)}.`)
  const range = { min: 1, max: MAX_BATCH }
  const batch = checkInteger(given.batch ?? DEFAULT_BATCH, 'reprioritize: batch', range)
  return definePlugin({
    name: 'chancy.reprioritize',
    events: ['reprioritize.raised'],
    loops: [raiseLoop({ raises: parseRaises(raises), everyMs, batch })],
  })
}
