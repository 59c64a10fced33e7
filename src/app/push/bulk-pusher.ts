import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { ChancyError, ConfigError } from '../../core/errors.ts'
import type { ResultOfPushable } from '../../core/job.ts'
import type { MakeRow, PushRow } from '../../core/push-row.ts'
import { Reference } from '../../core/reference.ts'
import type { Session } from '../../database/driver.ts'
import { classify } from '../../database/retry.ts'
import { asSession } from '../../database/session.ts'
import { batches, type Jobs } from './batches.ts'
import { BulkTurn } from './bulk-turn.ts'
import { PredecessorFailed, type Pushed, type PushWriter } from './push-writer.ts'

/** Rows a statement: the fastest that was measured, and still small enough to hold three times. */
export const DEFAULT_BATCH_SIZE = 5_000
export const MAX_BATCH_SIZE = 50_000
/** Two batches that overlap leave half of that many sessions to others. */
const MIN_SESSIONS = 4

/**
 * Pushes many jobs, a transaction a batch; in a caller's transaction, all in that one. An array
 * with unique keys is one batch there, so that they are locked in one order; all else goes by
 * batches. While two are written, the next one is read: three are in memory.
 */
export class BulkPusher {
  readonly #pusher: PushWriter
  readonly #makeRow: MakeRow
  readonly #closing = new AbortController()
  /** Calls that write in transactions of their own. */
  readonly #running = new Set<Promise<unknown>>()
  readonly #overlaps: boolean

  /** @param sessions how many there are: with few of them, batches are written one after the other. */
  constructor(pusher: PushWriter, makeRow: MakeRow, sessions: number) {
    this.#pusher = pusher
    this.#makeRow = makeRow
    this.#overlaps = sessions >= MIN_SESSIONS
  }

  async push<T>(jobs: Jobs<T>, options: unknown): Promise<Reference<ResultOfPushable<T>>[]> {
    const given = checkOptions(options, ['session', 'batchSize'], 'pushMany')
    const isIterable = typeof jobs === 'object' && jobs !== null
    if (!isIterable || !(Symbol.iterator in jobs || Symbol.asyncIterator in jobs)) {
      throw new ConfigError(`pushMany: expected an iterable of jobs, got ${inspect(jobs)}.`)
    }
    const size = checkInteger(given.batchSize ?? DEFAULT_BATCH_SIZE, 'pushMany: batchSize', {
      min: 1,
      max: MAX_BATCH_SIZE,
    })
    if (given.session !== undefined) return this.#push(jobs, size, asSession(given.session))
    const pushed = this.#push(jobs, size)
    this.#running.add(pushed)
    return pushed.finally(() => this.#running.delete(pushed))
  }

  /**
   * Ends each call at its next end of a batch, or where it waits for another job, after what was read by
   * then is written. Resolves when that is done, except for calls in a transaction of a caller.
   */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#running])
  }

  async #push<T>(
    jobs: Jobs<T>,
    size: number,
    session?: Session,
  ): Promise<Reference<ResultOfPushable<T>>[]> {
    const references: Reference<ResultOfPushable<T>>[] = []
    const overlaps = session === undefined && this.#overlaps
    let before: Promise<void> = Promise.resolve()
    let writing: Promise<void> = Promise.resolve()
    let last: BulkTurn | null = null
    const push = (rows: PushRow[]): Promise<Pushed[]> => {
      if (session !== undefined) return this.#pusher.pushIn(session, rows)
      if (!overlaps) return this.#pusher.push(rows)
      // Usually the last one, with none in flight: it needs no transaction of several statements.
      const isLone = rows.length < size && (last === null || last.isWritten)
      const turn = new BulkTurn(last)
      last = turn
      return turn.run(() => (isLone ? this.#pusher.push(rows) : this.#pushInTurn(rows, turn)))
    }
    const write = async (rows: PushRow[], former: Promise<void>): Promise<void> => {
      const pushing = push(rows)
      // Its failure is reported after that of the former batch.
      pushing.catch(() => {})
      await former
      for (const { id, created } of await pushing)
        references.push(new Reference<ResultOfPushable<T>>(id, created))
    }
    const isOneBatch = session !== undefined && Array.isArray(jobs)
    let isCutShort = false
    const onCutShort = (): void => {
      isCutShort = true
    }
    const rule = { method: 'pushMany', size, isOneBatch, closing: this.#closing.signal, onCutShort }
    try {
      for await (const rows of batches(jobs, this.#makeRow, rule)) {
        await (overlaps ? before : writing)
        before = writing
        writing = write(rows, before)
        // Awaited on the next round; until then its failure must not count as unhandled.
        writing.catch(() => {})
      }
    } finally {
      // A bad job ends the reading: what is in flight is still awaited.
      await writing
    }
    if (isCutShort) throw closedAfter(references.length)
    return references
  }

  /** Overlapping the previous batch where that is possible; otherwise, and where that fails, after it. */
  async #pushInTurn(rows: PushRow[], turn: BulkTurn): Promise<Pushed[]> {
    let [wasTried, isInDoubt] = [false, false]
    // With a unique key an insert waits for the transaction that holds it, and others would wait for that.
    if (rows.every(({ uniqueKey }) => uniqueKey === null)) {
      await turn.mayDraw()
      try {
        return await this.#pusher.pushInTurn(rows, turn)
      } catch (error) {
        turn.failed()
        wasTried = !(error instanceof PredecessorFailed)
        isInDoubt = turn.isCommitting && classify(error) === 'ambiguous'
      }
    }
    await turn.alone()
    return this.#pusher.push(rows, { wasTried, isInDoubt })
  }
}

function closedAfter(pushed: number): ChancyError {
  return new ChancyError(
    'CLOSED',
    `This Chancy was closed during a pushMany: its first ${pushed} jobs were pushed, the rest was not. Push the rest by a new one, or wait for pushMany before close.`,
    { details: { pushed } },
  )
}
