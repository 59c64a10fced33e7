import { type PushRow, rowBytes } from '../../core/push-row.ts'
import type { Pushed } from './push-writer.ts'

interface Waiting {
  readonly row: PushRow
  readonly resolve: (pushed: Pushed | Promise<Pushed>) => void
  readonly reject: (error: unknown) => void
}

/** The most rows of one statement. */
const MAX_BATCH = 5_000
/** The most bytes of one statement, roughly: a string of half a gigabyte is more than there can be. */
const MAX_BATCH_BYTES = 16 * 1_024 ** 2

export interface PushBatcherOptions {
  /** The job of each row, or a promise of it where one row must wait longer than the others. */
  readonly push: (rows: readonly PushRow[]) => Promise<readonly (Pushed | Promise<Pushed>)[]>
  /** Whether one row may have caused an error, so that the batch is split. */
  readonly isOfOneRow: (error: unknown) => boolean
}

/**
 * Batches single pushes: while one statement runs, the calls that arrive wait and share the next one. A lone
 * caller never waits, and a hundred callers share one commit.
 *
 * Each promise settles by its own row, after the commit. When a batch is refused, it is halved until
 * the bad row is alone.
 */
export class PushBatcher {
  readonly #options: PushBatcherOptions
  #waiting: Waiting[] = []
  #flight: Promise<void> | null = null

  constructor(options: PushBatcherOptions) {
    this.#options = options
  }

  add(row: PushRow): Promise<Pushed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject })
      this.#flight ??= this.#fly()
    })
  }

  /** Resolves when everything that was added has been written or refused. */
  async drained(): Promise<void> {
    while (this.#flight !== null) await this.#flight
  }

  async #fly(): Promise<void> {
    // One turn of the event loop, so that calls of the same tick share a statement.
    await null
    while (this.#waiting.length > 0) {
      const all = this.#waiting
      const end = endOfBatch(all)
      this.#waiting = all.slice(end)
      await this.#send(end < all.length ? all.slice(0, end) : all)
    }
    this.#flight = null
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const pushed = await this.#options.push(batch.map(({ row }) => row))
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(pushed[i]!)
    } catch (error) {
      if (batch.length === 1 || !this.#options.isOfOneRow(error)) {
        for (const { reject } of batch) reject(error)
        return
      }
      const middle = batch.length >> 1
      await this.#send(batch.slice(0, middle))
      await this.#send(batch.slice(middle))
    }
  }
}

/** How many of the first rows make one statement: at least one. */
function endOfBatch(waiting: readonly Waiting[]): number {
  const most = Math.min(waiting.length, MAX_BATCH)
  let bytes = 0
  for (let end = 0; end < most; end++) {
    bytes += rowBytes(waiting[end]!.row)
    if (bytes >= MAX_BATCH_BYTES) return end + 1
  }
  return most
}
