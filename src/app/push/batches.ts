import { ConfigError } from '../../core/errors.ts'
import type { EachPushable, Pushable } from '../../core/job.ts'
import type { MakeRow } from '../../core/push-row.ts'
import { type PushRow, rowBytes } from '../../core/push-row.ts'

/** Bytes of arguments a statement, whatever the number of rows. */
const MAX_BATCH_BYTES = 16 * 1_024 ** 2

/** Jobs of any types in one list; one whose arguments are incomplete does not compile. */
export type Jobs<T> = Iterable<T & EachPushable<T>> | AsyncIterable<T & EachPushable<T>>

export interface BatchRule {
  /** The method that errors name. */
  readonly method: string
  readonly size: number
  /** One batch holds all jobs when there are unique keys, so that they are locked in one order. */
  readonly isOneBatch: boolean
  /** Ends the reading at the next end of a batch; what is read by then is still yielded. */
  readonly closing: AbortSignal
  /** Called when `closing` ended the reading, and not the end of the jobs. */
  readonly onCutShort: () => void
}

/** The rows of jobs by batches, read as they are asked for. */
export async function* batches<T>(
  jobs: Jobs<T>,
  makeRow: MakeRow,
  { method, size, isOneBatch, closing, onCutShort }: BatchRule,
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
    const row = rowAt(job, makeRow, method, taken++)
    if (row instanceof Promise) return row.then(add)
    add(row)
    return undefined
  }
  const isFull = (): boolean =>
    !(isOneBatch && hasKey) && (rows.length >= size || bytes >= MAX_BATCH_BYTES)
  const cut = (): PushRow[] => {
    const full = rows
    rows = []
    bytes = 0
    return full
  }
  if (Symbol.iterator in jobs) {
    for (const job of jobs) {
      if (closing.aborted && rows.length === 0) return onCutShort()
      const taking = take(job)
      if (taking !== undefined) await taking
      if (isFull()) yield cut()
    }
  } else {
    for await (const job of untilAborted(jobs, closing, onCutShort)) {
      const taking = take(job)
      if (taking !== undefined) await taking
      if (isFull()) yield cut()
    }
  }
  if (rows.length > 0) yield cut()
}

/**
 * The same values until the signal aborts, also while the next one is awaited: a stream may never give
 * another one.
 */
function untilAborted<T>(
  values: AsyncIterable<T>,
  signal: AbortSignal,
  onCutShort: () => void,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = values[Symbol.asyncIterator]()
      let cutShort = (): void => {}
      const abort = (): void => cutShort()
      signal.addEventListener('abort', abort)
      const leave = (): void => signal.removeEventListener('abort', abort)
      return {
        next: () =>
          new Promise<IteratorResult<T>>((resolve, reject) => {
            cutShort = () => {
              onCutShort()
              leave()
              // Not waited for: a generator takes it up when it has given what it was asked for.
              void Promise.resolve(iterator.return?.()).catch(() => {})
              resolve({ done: true, value: undefined })
            }
            if (signal.aborted) cutShort()
            else Promise.resolve(iterator.next()).then(resolve, reject)
          }),
        async return() {
          leave()
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
/** Names the job that is wrong by its index: the jobs may be alike otherwise. */
function rowAt(
  job: unknown,
  makeRow: MakeRow,
  method: string,
  index: number,
): PushRow | Promise<PushRow> {
  const fail = (error: unknown): never => {
    if (!(error instanceof ConfigError)) throw error
    const details = { ...error.details, index }
    throw new ConfigError(`${method}: job ${index}: ${error.message}`, { details, cause: error })
  }
  try {
    const row = makeRow(job as Pushable<unknown, unknown>)
    return row instanceof Promise ? row.catch(fail) : row
  } catch (error) {
    return fail(error)
  }
}
