import { loggedError } from '../../database/logged-error.ts'
import { isConnectionLoss } from '../../database/sql-state.ts'
import { type PluginHost, pluginAccess } from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { PassContext, Plugin, PluginAccess } from '../../plugin/index.ts'
import { commands } from './commands.ts'
import type { GroupActions } from './group-actions.ts'
import { first } from './migrations/0001.ts'
import { FAILURES } from './plugin-name.ts'
import { Recorder } from './recorder.ts'
import { removeOld } from './statements.ts'

export type { GroupActions } from './group-actions.ts'

/** By the database of an application: what this process counts of it. */
const recorders = new WeakMap<object, Recorder>()
const FLUSH = '5s'
const MAX_GROUPS = 10_000
const TABLES = ['failures_groups', 'failures_hours']
const reads = { tables: [{ privileges: ['SELECT' as const], on: TABLES }] }

/**
 * Gathers failures that are alike in groups: when each was first and last seen, how often, and what was decided about
 * it. There by default.
 */
export function failures(): Plugin {
  return definePlugin({
    name: FAILURES,
    migrations: [first],
    rights: {
      worker: { tables: [{ privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: TABLES }] },
      reader: reads,
      operator: { tables: [{ privileges: ['SELECT', 'UPDATE'], on: TABLES }] },
    },
    commands,
    onSaved: (saved, context) => recorderFor(context).add(saved, context.version),
    flush: (access) => recorders.get(access.database)?.flush(),
    cleanup: async ({ database }, limit) => {
      const [gone] = await database.run(removeOld, [MAX_GROUPS, limit])
      return gone?.removed ?? 0
    },
    loops: [
      {
        name: 'flush',
        on: 'worker',
        pass: async (context) => {
          await flushed(context)
          return FLUSH
        },
      },
    ],
  })
}

/**
 * What `chancy.failures` does, for the functions of other plugins.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function failureActions(chancy: PluginHost): Promise<GroupActions> {
  const access = pluginAccess(chancy, FAILURES)
  const { GroupActions: Actions } = await import('./group-actions.ts')
  return new Actions(access)
}

/** One for an application in a process, whatever number of workers it has. */
function recorderFor(access: PluginAccess): Recorder {
  let recorder = recorders.get(access.database)
  if (recorder === undefined) {
    recorder = new Recorder(access)
    recorders.set(access.database, recorder)
  }
  return recorder
}

/** A server that is away is no fault of the loop: what was counted is written when it is back. */
async function flushed(context: PassContext): Promise<void> {
  try {
    await recorderFor(context).flush()
  } catch (error) {
    if (!isConnectionLoss(error)) throw error
    context.log.debug(loggedError(error), 'failures not written, and written again later')
  }
}
