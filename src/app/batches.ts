import type { Clock } from '../core/clock.ts'
import { ConfigError } from '../core/errors.ts'
import type { EachWhole, Whole } from '../core/job.ts'
import { toJob } from '../core/job-function.ts'
import { type PushRow, pushRow, rowBytes } from '../core/push-row.ts'

/** Bytes of arguments a statement, whatever the number of rows. */
const MAX_BATCH_BYTES = 16 * 1_024 ** 2

/** Jobs of any types in one list; one whose arguments are not whole does not compile. */
export type Jobs<T> = Iterable<T & EachWhole<T>> | AsyncIterable<T & EachWhole<T>>

export interface BatchRule {
  readonly size: number
  /** All of it is one batch when there are unique keys, so that they are taken in one order. */
  readonly isWhole: boolean
  /** Ends the reading at the next border; what is read by then still comes. */
  readonly closing: AbortSignal
  /** Hears that it ended so, and not because there were no more jobs. */
  readonly onCutShort: () => void
}

/** The rows of jobs by batches, read as they are asked for. */
export async function* batches<T>(
  jobs: Jobs<T>,
  clock: Clock,
  { size, isWhole, closing, onCutShort }: BatchRule,
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
    !(isWhole && hasKey) && (rows.length >= size || bytes >= MAX_BATCH_BYTES)
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
 * The same values until the signal aborts, also while the next one is waited for: nobody knows when a
 * stream gives another one, or whether.
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
