import { checkOptions } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { type PluginHost, pluginAccess } from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import { LEADERSHIP } from '../../plugin/parts/leadership.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { Election } from './election.ts'
import { leaderCheck } from './leader-check.ts'
import { findLeader } from './statements.ts'

declare module '../../events/event-map.ts' {
  interface EventMap {
    /** This worker leads: the loops of the leader run in it. */
    'leadership.gained': { readonly workerId: string }
    /** This worker no longer surely leads: another one may. */
    'leadership.lost': { readonly workerId: string }
  }
}

/** Options of `leadership(options)`. */
export interface LeadershipOptions {
  /** How long after the death of the leader another worker leads at the latest: 1 s to 10 m. Default: `'10s'`. */
  readonly lease?: Duration
  /** How often the leader renews, at most a third of the lease. Default: `'3s'`, or a third of the lease. */
  readonly renew?: Duration
}

/** The worker that leads, by the clock of the database. */
export interface Leader {
  readonly workerId: string
  readonly since: Date
  /** When its lease ends unless it is renewed. */
  readonly until: Date
}

const DEFAULT_LEASE = '10s'
const DEFAULT_RENEW_MS = 3_000
const [MIN_LEASE_MS, MAX_LEASE_MS] = [1_000, 600_000]

/**
 * Chooses the worker in which the loops of the leader run. There by default.
 *
 * @throws {ConfigError}
 */
export function leadership(options?: LeadershipOptions): Plugin {
  const given = checkOptions(options, ['lease', 'renew'], 'leadership') as LeadershipOptions
  const leaseMs = durationMs(given.lease ?? DEFAULT_LEASE, 'leadership: lease')
  if (leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS) {
    throw new ConfigError(`leadership: lease: expected 1s to 10m, got ${leaseMs} ms.`)
  }
  const renewMs = durationMs(
    given.renew ?? Math.min(DEFAULT_RENEW_MS, leaseMs / 3),
    'leadership: renew',
  )
  if (renewMs <= 0 || renewMs > Math.ceil(leaseMs / 3)) {
    throw new ConfigError(
      `leadership: renew: expected at most a third of the lease (${leaseMs} ms), got ${renewMs} ms.`,
    )
  }
  return definePlugin({
    name: LEADERSHIP,
    events: ['leadership.gained', 'leadership.lost'],
    checks: [leaderCheck(leaseMs)],
    lead: (context) => new Election(context, { leaseMs, renewMs }),
  })
}

/**
 * The worker that leads now, or null.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getLeader(chancy: PluginHost): Promise<Leader | null> {
  const { database, run } = pluginAccess(chancy, LEADERSHIP)
  const [row] = await run(() => database.run(findLeader, []))
  if (row === undefined) return null
  const { worker_id: workerId, since_ms, until_ms } = row
  return { workerId, since: new Date(since_ms), until: new Date(until_ms) }
}
