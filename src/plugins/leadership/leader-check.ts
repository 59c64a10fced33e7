import type { PluginCheck } from '../../plugin/parts/plugin-check.ts'
import { leaderHealth } from './statements.ts'

/** How long a fleet may be without a leader, in milliseconds: after its death another one leads within the lease. */
const electedWithin = (leaseMs: number): number => 2 * leaseMs

/** Without a leader the loops of plugins that run in one worker alone stand still. */
export function leaderCheck(leaseMs: number): PluginCheck {
  return {
    id: 'leadership.leader',
    title: 'leader of the workers',
    async run({ read }) {
      const [row] = await read(leaderHealth, [])
      if (row === undefined) throw new Error('no answer')
      const { workers, since_ms, leads } = row
      if (leads) return { level: 'ok', found: 'One worker leads.', todo: null }
      if (workers === 0) return { level: 'ok', found: 'No worker runs.', todo: null }
      if ((since_ms ?? 0) < electedWithin(leaseMs)) {
        return { level: 'ok', found: 'None leads yet: the workers have just started.', todo: null }
      }
      return {
        level: 'error',
        found: `None of the ${workers} workers leads: history is not pruned, metrics are not rolled up, and loops of the leader stand still.`,
        todo: 'See that the workers have the plugin leadership (defaultPlugins is not false), and look in their logs for "leader election failed".',
      }
    },
  }
}
