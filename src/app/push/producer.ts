import { checkOptions } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import { checkGivenId } from '../../core/given-id.ts'
import { type ResultOfPushable, toJob } from '../../core/job.ts'
import { type MakeRow, type PushRow, pushRow } from '../../core/push-row.ts'
import type { Reference } from '../../core/reference.ts'
import type { Session } from '../../database/driver.ts'
import { asSession } from '../../database/session.ts'
import { sqlStateOf } from '../../database/sql-state.ts'
import type { PluginSet } from '../../plugin/plugin-set.ts'
import type { Jobs } from './batches.ts'
import { BulkPusher } from './bulk-pusher.ts'
import { PushBatcher } from './push-batcher.ts'
import { type Pushed, PushWriter, type PushWriterOptions } from './push-writer.ts'
import { UniquePusher } from './unique-pusher.ts'

/**
 * Chooses the way of a job into the database: batched with others, with a unique key separately from those
 * without, inside a caller's transaction, or in bulk.
 */
export class Producer {
  readonly #pusher: PushWriter
  readonly #bulk: BulkPusher
  readonly #unique: UniquePusher
  readonly #buffer: PushBatcher
  readonly #uniqueBuffer: PushBatcher
  readonly #clock: Clock

  constructor(options: PushWriterOptions & { readonly makeRow: MakeRow }) {
    const { clock, deadlineMs } = options
    this.#clock = clock
    this.#pusher = new PushWriter(options)
    this.#bulk = new BulkPusher(this.#pusher, options.makeRow, options.database.driver.sessions)
    this.#unique = new UniquePusher(this.#pusher, clock, deadlineMs)
    const isOfOneRow = isRefusedRow
    this.#buffer = new PushBatcher({ push: (rows) => this.#pusher.push(rows), isOfOneRow })
    this.#uniqueBuffer = new PushBatcher({ push: (rows) => this.#unique.push(rows), isOfOneRow })
  }

  /** One row, where the options of `push` say. */
  push(row: PushRow, options: unknown): Promise<Pushed> {
    if (options === undefined) return this.#one(row)
    const { session, id } = checkOptions(options, ['session', 'id'], 'push')
    if (id !== undefined) return this.#oneAs(id, row, session)
    return session === undefined ? this.#one(row) : this.#oneIn(session, row)
  }

  /** Under an id that the caller made, and may push again. */
  async #oneAs(given: unknown, row: PushRow, session: unknown): Promise<Pushed> {
    if (session !== undefined) {
      throw new ConfigError(
        'push: give either id or session: the transaction of a session is tried again as a whole.',
      )
    }
    const id = checkGivenId(given, this.#clock.now())
    return this.#pusher.pushAs({ ...row, id })
  }

  /** Batched with those that are pushed at the same time. */
  #one(row: PushRow): Promise<Pushed> {
    return (row.uniqueKey === null ? this.#buffer : this.#uniqueBuffer).add(row)
  }

  /** In a caller's transaction. */
  async #oneIn(session: unknown, row: PushRow): Promise<Pushed> {
    const [pushed] = await this.#pusher.pushIn(asSession(session), [row])
    return pushed ?? { id: row.id, created: true }
  }

  many<T>(jobs: Jobs<T>, options: unknown): Promise<Reference<ResultOfPushable<T>>[]> {
    return this.#bulk.push(jobs, options)
  }

  /** Jobs of a batch, in one transaction: in the caller's, where there is a session. */
  async ofBatch(batch: string, rows: readonly PushRow[], session?: Session): Promise<number> {
    const pushed =
      session === undefined
        ? await this.#pusher.push(rows, { batch })
        : await this.#pusher.pushIn(session, rows, batch)
    return pushed.filter(({ created }) => created).length
  }

  /** Resolves when every row that was given so far has been written or refused. */
  async close(): Promise<void> {
    await this.#bulk.close()
    await this.#buffer.drained()
    await this.#uniqueBuffer.drained()
    await this.#unique.drained()
  }
}

/** Data that the server refuses, as opposed to a server that is unreachable. */
function isRefusedRow(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state !== undefined && (state.startsWith('22') || state.startsWith('23'))
}

/** Chosen once, so that a push pays nothing for a hook that no plugin has. */
export function rowMaker(plugins: PluginSet, clock: Clock): MakeRow {
  const plain: MakeRow = (job) => pushRow(toJob(job), clock.now())
  if (!plugins.hasPush) return plain
  return (job) => {
    const row = plain(job)
    return row instanceof Promise ? row.then((made) => plugins.onPush(made)) : plugins.onPush(row)
  }
}
