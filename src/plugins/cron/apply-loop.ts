import type { PassContext } from '../../plugin/access/plugin-access.ts'
import type { PluginLoop } from '../../plugin/parts/plugin-loop.ts'
import { applySet, type DeclaredSet, isSame } from './declared-set.ts'

/** There is no second pass: a worker of an older release would bring its schedules back. */
const NEVER = '3650d'

/** Applies a set at the start of each worker, again while that fails. */
export function applyLoop(set: DeclaredSet): PluginLoop {
  /** The signal of a loop stands for its worker. */
  const applied = new WeakSet<AbortSignal>()
  return {
    name: 'apply',
    on: 'worker',
    pass: async (context) => {
      if (!applied.has(context.signal)) await apply(context, set)
      applied.add(context.signal)
      return NEVER
    },
  }
}

async function apply(context: PassContext, set: DeclaredSet): Promise<void> {
  const { added, changed, removed, kept } = await applySet(context, set, undefined)
  const keys = { added, changed: changed.map(({ key }) => key), removed }
  context.emit('cron.applied', { set: set.name, ...keys })
  if (!isSame({ added, changed, removed, kept }))
    context.log.info({ set: set.name, ...keys }, 'declared schedules applied')
}
