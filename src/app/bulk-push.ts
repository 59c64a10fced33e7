import { checkInteger } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { ConfigError } from '../core/errors.ts'
import { type EachWhole, type ResultOfWhole, toJob, type Whole } from '../core/job.ts'
import { type PushRow, pushRow, rowBytes } from '../core/push-row.ts'
import { Reference } from '../core/reference.ts'
import type { Session } from '../database/driver.ts'
import type { Pusher } from './pusher.ts'

/** Rows a statement: the fastest that was measured, and still small enough to hold twice. */
export const DEFAULT_BATCH_SIZE = 5_000
const MAX_BATCH_SIZE = 50_000
/** Bytes of arguments a statement, whatever the number of rows. */
const MAX_BATCH_BYTES = 16 * 1_024 ** 2

/** Jobs of any types in one list; one whose arguments are not whole does not compile. */
export type Jobs<T> = Iterable<T & EachWhole<T>> | AsyncIterable<T & EachWhole<T>>

/**
 * Pushes many jobs, a transaction a batch; in a caller's transaction, all in that one. An array
 * with unique keys is one batch there, so that they are taken in one order; all else goes by
 * batches. While a batch is written the next one is read: at most two are in memory.
 */
export async function bulkPush<T>(
  pusher: Pusher,
  clock: Clock,
  jobs: Jobs<T>,
  options: { readonly session?: Session; readonly batchSize?: number },
): Promise<Reference<ResultOfWhole<T>>[]> {
  const { session } = options
  const given = checkInteger(options.batchSize ?? DEFAULT_BATCH_SIZE, 'pushMany: batchSize', {
    min: 1,
    max: MAX_BATCH_SIZE,
  })
  const isWhole = session !== undefined && Array.isArray(jobs)
  const references: Reference<ResultOfWhole<T>>[] = []
  let writing: Promise<void> = Promise.resolve()
  const write = async (rows: PushRow[]): Promise<void> => {
    const pushed =
      session === undefined ? await pusher.push(rows) : await pusher.pushIn(session, rows)
    for (const { id, created } of pushed)
      references.push(new Reference<ResultOfWhole<T>>(id, created))
  }

  try {
    for await (const rows of batches(jobs, clock, given, isWhole)) {
      await writing
      writing = write(rows)
      // Awaited on the next round; until then its failure must not count as unhandled.
      writing.catch(() => {})
    }
  } finally {
    // A bad job ends the reading: what was on its way is still waited for.
    await writing
  }
  return references
}

async function* batches<T>(
  jobs: Jobs<T>,
  clock: Clock,
  batchSize: number,
  isWhole: boolean,
): AsyncGenerator<PushRow[]> {
  let rows: PushRow[] = []
  let bytes = 0
  let taken = 0
  let hasKey = false
  const add = (row: PushRow): void => {
    rows.push(row)
    bytes += rowBytes(row)
    hasKey ||= row.uniqueKey !== null
  }
  // A promise only where there is something to wait for: it would cost more than the rest of a row.
  const take = (job: unknown): Promise<void> | undefined => {
    const row = rowAt(job, clock, taken++)
    if (row instanceof Promise) return row.then(add)
    add(row)
    return undefined
  }
  const isFull = (): boolean =>
    !(isWhole && hasKey) && (rows.length >= batchSize || bytes >= MAX_BATCH_BYTES)
  const cut = (): PushRow[] => {
    const full = rows
    rows = []
    bytes = 0
    return full
  }
  if (Symbol.iterator in jobs) {
    for (const job of jobs) {
      const taking = take(job)
      if (taking !== undefined) await taking
      if (isFull()) yield cut()
    }
  } else {
    for await (const job of jobs) {
      const taking = take(job)
      if (taking !== undefined) await taking
      if (isFull()) yield cut()
    }
  }
  if (rows.length > 0) yield cut()
}

/** Says which job of many is wrong: nothing else about them need differ. */
function rowAt(job: unknown, clock: Clock, index: number): PushRow | Promise<PushRow> {
  const fail = (error: unknown): never => {
    if (!(error instanceof ConfigError)) throw error
    const details = { ...error.details, index }
    throw new ConfigError(`pushMany: job ${index}: ${error.message}`, { details, cause: error })
  }
  try {
    const row = pushRow(toJob(job as Whole<unknown, unknown>), clock.now())
    return row instanceof Promise ? row.catch(fail) : row
  } catch (error) {
    return fail(error)
  }
}
