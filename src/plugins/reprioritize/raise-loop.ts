import { QUERY_CANCELED, sqlStateOf } from '../../database/sql-state.ts'
import { makeReady } from '../../database/statements/groups.ts'
import { notifyInside } from '../../database/statements/queues.ts'
import type { PassContext } from '../../plugin/access/plugin-access.ts'
import type { PluginLoop } from '../../plugin/parts/plugin-loop.ts'
import { Pace } from '../../services/pace.ts'
import type { Raise } from './raise.ts'
import { limitStep, type Page, type RaiseStatements, raiseStatements } from './statements.ts'

export interface RaiseLoopOptions {
  readonly raises: readonly Raise[]
  readonly everyMs: number
  /** Jobs that a transaction raises. */
  readonly batch: number
}

/** Rows that a step reads. */
const PAGE_ROWS = 10_000
/** A pass begins after this many times what the former one took. */
const REST = 9
/** How long a statement may take, in milliseconds. */
const TIMEOUT_MS = 5_000
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** Raises waiting jobs, in the worker that leads: those that were pushed first come first. */
export function raiseLoop({ raises, everyMs, batch }: RaiseLoopOptions): PluginLoop {
  const statements = raiseStatements(raises)
  return {
    name: 'raise',
    on: 'leader',
    pass: async (context) => {
      const { clock, signal, emit, log } = context
      const pace = new Pace({ clock, signal })
      let [read, raised] = [0, 0]
      try {
        for (let after: string | null = BEFORE_ALL; after !== null && !signal.aborted; ) {
          const from = after
          const page: Page = await pace.step(() => scanPage(context, statements, from))
          read += page.read
          for (const ids of batchesOf(page.ids, batch)) {
            if (signal.aborted) break
            raised += await pace.step(() => raiseJobs(context, statements, ids))
          }
          after = page.read < PAGE_ROWS ? null : page.last_id
        }
      } catch (error) {
        if (sqlStateOf(error) !== QUERY_CANCELED) throw error
        log.warn(
          { err: error, read, raised },
          'waiting jobs were read in part: a long-running transaction may keep dead tuples of the table jobs',
        )
      }
      if (raised > 0) emit('reprioritize.raised', { raised, read })
      return Math.max(everyMs, pace.busyMs * REST)
    },
  }
}

function* batchesOf(ids: string | null, size: number): Generator<string> {
  const all = ids?.match(/[\da-f-]{36}/g) ?? []
  for (let n = 0; n < all.length; n += size) yield `{${all.slice(n, n + size)}}`
}

function scanPage(
  { database }: PassContext,
  { scan, scanValues }: RaiseStatements,
  after: string,
): Promise<Page> {
  return database.driver.transaction(async (session) => {
    await database.run(limitStep, [String(TIMEOUT_MS)], { session })
    return only(await database.run(scan, scanValues(after, PAGE_ROWS), { session }))
  })
}

/**
 * Locks jobs first and their groups after, as a finish does: see docs/architecture/lock-order.md. A finish that frees a
 * slot meanwhile passes over the jobs that are locked here and wakes no worker, so the workers of the queues whose
 * jobs were made ready are woken after the commit.
 */
async function raiseJobs(
  { database }: PassContext,
  { raise, raiseValues }: RaiseStatements,
  ids: string,
): Promise<number> {
  const queues = new Set<string>()
  const raised = await database.driver.transaction(async (session) => {
    await database.run(limitStep, [String(TIMEOUT_MS)], { session })
    const answer = only(await database.run(raise, raiseValues(ids), { session }))
    if (answer.keys === null) return answer.raised
    const ready = await database.run(makeReady, [answer.keys], { session })
    for (const { queue } of ready) queues.add(queue)
    return answer.raised
  })
  for (const queue of queues)
    await database.run(notifyInside, [database.names.channel, `queue.pushed ${queue}`])
  return raised
}

function only<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new TypeError('a count without a row')
  return row
}
