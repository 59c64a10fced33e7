import { plainArray, textArray } from '../../database/array-literal.ts'
import type { Value } from '../../database/driver.ts'
import { loggedError } from '../../database/logged-error.ts'
import { classify, isConnectionLoss } from '../../database/sql-state.ts'
import type { Statement } from '../../database/statement.ts'
import { makeReady } from '../../database/statements/groups.ts'
import { cancelJob } from '../../database/statements/jobs.ts'
import { notifyInside } from '../../database/statements/queues.ts'
import type { PluginContext } from '../../plugin/access/plugin-access.ts'
import type { PluginDatabase } from '../../plugin/access/plugin-database.ts'
import { clearCancelled, findToCancel, limitLockWait } from './statements/firing.ts'

const LIMIT = 100
/** How long a cancel waits for a lock, in milliseconds: the firing waits with it. */
const LOCK_MS = 50

/**
 * Cancels the jobs that later ones have replaced, after the transaction that pushed those: a push holds locks that a
 * cancel must not wait for. The rows keep them until then, so that none is forgotten when a worker dies. A job that
 * is cancelled twice is cancelled once. What an open transaction holds, or the database refuses, stays for the next
 * pass and holds up no firing.
 */
export async function cancelReplaced(context: PluginContext): Promise<void> {
  try {
    await cancelAll(context)
  } catch (error) {
    if (isConnectionLoss(error)) throw error
    if (classify(error) === 'transient') return
    context.log.error(loggedError(error), 'replaced jobs of schedules were not cancelled')
  }
}

async function cancelAll(context: PluginContext): Promise<void> {
  const { database } = context
  const found = await database.run(findToCancel, [LIMIT])
  for (const key of new Set(found.map((one) => one.key))) {
    const ids: string[] = []
    for (const { job } of found.filter((one) => one.key === key)) {
      if (await isCancelled(context, job)) ids.push(job)
    }
    if (ids.length > 0) await database.run(clearCancelled, [key, plainArray(ids)])
  }
}

async function isCancelled({ database, log }: PluginContext, id: string): Promise<boolean> {
  try {
    const [answer] = await shortly(database, cancelJob, [id, true])
    // A waiting job of the group is gone, and the one that replaces it may be ready.
    if (answer?.concurrency_key != null && answer.verdict === 'cancelled')
      await announceReady(database, answer.concurrency_key)
    return true
  } catch (error) {
    if (isConnectionLoss(error)) throw error
    if (classify(error) !== 'transient')
      log.error(
        { job: id, ...loggedError(error) },
        'a replaced job of a schedule was not cancelled',
      )
    return false
  }
}

/** In a transaction after that of the cancel, whose locks it must not hold. */
async function announceReady(database: PluginDatabase, key: string): Promise<void> {
  for (const { queue } of await shortly(database, makeReady, [textArray([key])]))
    await database.run(notifyInside, [database.names.channel, `queue.pushed ${queue}`])
}

/** Runs a statement that waits for no lock for long. */
function shortly<Values extends readonly Value[], Row>(
  database: PluginDatabase,
  what: Statement<Values, Row>,
  values: Values,
): Promise<Row[]> {
  return database.driver.transaction(async (session) => {
    await database.run(limitLockWait, [LOCK_MS], { session })
    return database.run(what, values, { session })
  })
}
