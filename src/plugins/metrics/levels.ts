import { textArray } from '../../database/array-literal.ts'
import type { PassContext, PluginAccess } from '../../plugin/index.ts'
import {
  countBlocked,
  countRunning,
  findQueues,
  type ScanRow,
  type ScanValues,
  sampleServer,
  scanQueue,
  storeCounts,
  storeDeepCounts,
  storeLevels,
} from './statements/levels.ts'

/** Each class of jobs of a queue is counted this far every few seconds. */
const BOUND = 10_000
/** What has no order to continue in is counted this far where it is more. */
const DEEP_BOUND = 1_000_000
/** Ids of claims, and blocked jobs of all queues, a count. */
const [MAX_RUNNING, MAX_BLOCKED] = [50_000, 25_000]
/** Queues, and rows of one queue, a statement: none holds a snapshot for long. */
const [QUEUES_A_STATEMENT, ROWS_A_STATEMENT] = [20, 100_000]
/** How often, in milliseconds, unless a count takes more than a fiftieth of that. */
const [NEAR_MS, DEEP_MS, SERVER_MS] = [2_000, 30_000, 60_000]
/** When the first count to the end is made, in milliseconds: a worker that begins to lead often has a backlog to run. */
const FIRST_DEEP_MS = 10_000
const TIMES_TAKEN = 50

/**
 * Counts the jobs of all queues in the worker that leads, and stores a row a queue: who reads that pays the same
 * for any number of jobs. Every two seconds each class is counted to 10,000 in the order of an index. A queue that
 * has more is counted to its end every 30 seconds, and when the loop is woken, in many statements. Each takes at most
 * 2 % of the time.
 */
export class Levels {
  #deepDue: number | null = null
  #serverDue = 0

  async pass(context: PassContext): Promise<number> {
    const { clock, signal, isWoken } = context
    const startedAt = clock.monotonic()
    const isFirst = this.#deepDue === null
    this.#deepDue ??= startedAt + FIRST_DEEP_MS
    const isDeep = isWoken || startedAt >= this.#deepDue
    const { deep, running } = await countNear(context, isFirst || isDeep)
    const nearMs = clock.monotonic() - startedAt
    if (isDeep && !signal.aborted) {
      const blocked =
        deep.length === 0 ? [] : await context.database.run(countBlocked, [DEEP_BOUND])
      const blockedIn = new Map(blocked.map((row) => [row.queue, row.blocked]))
      for (const queue of deep) {
        if (signal.aborted) break
        await countDeep(context, queue, running.get(queue) ?? 0, blockedIn.get(queue) ?? 0)
      }
      const tookMs = clock.monotonic() - startedAt
      this.#deepDue = clock.monotonic() + Math.max(DEEP_MS, tookMs * TIMES_TAKEN)
    }
    if (clock.monotonic() >= this.#serverDue && !signal.aborted) {
      this.#serverDue = clock.monotonic() + SERVER_MS
      await storeServer(context)
    }
    return Math.max(NEAR_MS, nearMs * TIMES_TAKEN)
  }
}

type Counting = Pick<PassContext, 'database' | 'clock' | 'signal'>

interface NearCounts {
  /** Queues of which a class reached the bound. */
  readonly deep: readonly string[]
  /** Running jobs that keep their position, by queue. */
  readonly running: ReadonlyMap<string, number>
}

async function countNear(
  { database, clock, signal }: Counting,
  isWide: boolean,
): Promise<NearCounts> {
  const startedAt = clock.monotonic()
  const running = await database.run(countRunning, [MAX_RUNNING])
  const counted = await database.run(countBlocked, [MAX_BLOCKED])
  const total = counted.reduce((sum, { blocked }) => sum + blocked, 0)
  const blocked = total < MAX_BLOCKED ? counted : null
  const found = (await database.run(findQueues, [isWide])).map(({ queue }) => queue)
  const queues = [
    ...new Set([
      ...found,
      ...running.map(({ queue }) => queue),
      ...counted.map(({ queue }) => queue),
    ]),
  ].sort()
  const runningJson = jsonOf(running.map((row) => [row.queue, row.running]))
  const blockedJson =
    blocked === null ? null : jsonOf(blocked.map((row) => [row.queue, row.blocked]))
  const deep: string[] = []
  for (let at = 0; at < queues.length; at += QUEUES_A_STATEMENT) {
    if (signal.aborted) return { deep: [], running: new Map() }
    const some = textArray(queues.slice(at, at + QUEUES_A_STATEMENT))
    const rows = await database.run(storeCounts, [some, BOUND, runningJson, blockedJson])
    deep.push(...rows.map(({ queue }) => queue))
  }
  await database.run(storeLevels, ['queues', clock.monotonic() - startedAt, '{}'])
  return { deep, running: new Map(running.map((row) => [row.queue, row.in_order])) }
}

async function countDeep(
  { database, signal }: Counting,
  queue: string,
  running: number,
  blocked: number,
): Promise<void> {
  let ready = 0
  let priority: number | null = null
  let position: number | null = null
  do {
    const values: ScanValues = [queue, priority, position, ROWS_A_STATEMENT]
    const rows: readonly ScanRow[] = await database.run(scanQueue, values)
    ready += rows[0]?.scanned ?? 0
    priority = rows[0]?.priority ?? null
    position = rows[0]?.position ?? null
    if (signal.aborted) return
  } while (priority !== null)
  const values = [queue, Math.max(0, ready - running), DEEP_BOUND, blocked] as const
  await database.run(storeDeepCounts, values)
}

async function storeServer({ database }: Pick<PluginAccess, 'database'>): Promise<void> {
  const [row] = await database.run(sampleServer, [database.names.plainSchema])
  if (row !== undefined) await database.run(storeLevels, ['server', 0, row.data])
}

/** As JSON by queue. Not by assignment: a queue may be called `__proto__`. */
function jsonOf(entries: readonly (readonly [string, number])[]): string {
  const parts = entries.map(([queue, count]) => `${JSON.stringify(queue)}:${count}`)
  return `{${parts.join(',')}}`
}
