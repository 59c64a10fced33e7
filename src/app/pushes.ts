import type { ResultOfWhole } from '../core/job.ts'
import type { PushRow } from '../core/push-row.ts'
import type { Reference } from '../core/reference.ts'
import { asSession } from '../database/session.ts'
import { sqlStateOf } from '../database/sql-state.ts'
import type { Jobs } from './batches.ts'
import { BulkPusher } from './bulk-pusher.ts'
import { PushBuffer } from './push-buffer.ts'
import { type Pushed, Pusher, type PusherOptions } from './pusher.ts'
import { UniquePusher } from './unique-pusher.ts'

/**
 * Every way into the database that a job may take: alone and gathered with others, with a unique key
 * apart from those without, inside a caller's transaction, or in bulk.
 */
export class Pushes {
  readonly #pusher: Pusher
  readonly #bulk: BulkPusher
  readonly #unique: UniquePusher
  readonly #buffer: PushBuffer
  readonly #uniqueBuffer: PushBuffer

  constructor(options: PusherOptions) {
    const { clock, deadlineMs } = options
    this.#pusher = new Pusher(options)
    this.#bulk = new BulkPusher(this.#pusher, clock, options.database.driver.sessions)
    this.#unique = new UniquePusher(this.#pusher, clock, deadlineMs)
    const isOfOneRow = isRefusedRow
    this.#buffer = new PushBuffer({ push: (rows) => this.#pusher.push(rows), isOfOneRow })
    this.#uniqueBuffer = new PushBuffer({ push: (rows) => this.#unique.push(rows), isOfOneRow })
  }

  /** One row, with whatever is pushed at the same time. */
  one(row: PushRow): Promise<Pushed> {
    return (row.uniqueKey === null ? this.#buffer : this.#uniqueBuffer).add(row)
  }

  /** One row in a caller's transaction. */
  async oneIn(session: unknown, row: PushRow): Promise<Pushed> {
    const [pushed] = await this.#pusher.pushIn(asSession(session), [row])
    return pushed ?? { id: row.id, created: true }
  }

  many<T>(jobs: Jobs<T>, options: unknown): Promise<Reference<ResultOfWhole<T>>[]> {
    return this.#bulk.push(jobs, options)
  }

  /** Resolves when all that was given so far has been written or refused. */
  async close(): Promise<void> {
    await this.#bulk.close()
    await this.#buffer.drained()
    await this.#uniqueBuffer.drained()
    await this.#unique.drained()
  }
}

/** Data that the server refuses, as opposed to a server that is away. */
function isRefusedRow(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state !== undefined && (state.startsWith('22') || state.startsWith('23'))
}
