import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { ChancyError, ConfigError, isChancyError, JobStateError } from '../../core/errors.ts'
import { type MakeRow, type PushRow, rowOfBatch } from '../../core/push-row.ts'
import { newId } from '../../core/reference.ts'
import { type Batch, checkBatch } from '../../core/workflow/batch.ts'
import { metaText } from '../../core/workflow/workflow.ts'
import { WorkflowReference } from '../../core/workflow-reference.ts'
import type { EndedWorkflowState } from '../../core/workflow-state.ts'
import type { Database } from '../../database/database.ts'
import type { Session } from '../../database/driver.ts'
import { asSession } from '../../database/session.ts'
import type { FlowRow } from '../../database/statements/flow-row.ts'
import { beginBatch, renewBatch, sealBatch } from '../../database/statements/flows.ts'
import type { Hub } from '../../events/hub.ts'
import { batches, type Jobs } from '../push/batches.ts'
import { DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE } from '../push/bulk-pusher.ts'
import type { Producer } from '../push/producer.ts'
import type { StatementRunner } from '../statement-runner.ts'
import { workflowNotFound } from './workflow-wait.ts'

export interface BatchPusherOptions {
  readonly database: Database
  readonly hub: Hub
  readonly statements: StatementRunner
  readonly makeRow: MakeRow
  readonly producer: Pick<Producer, 'ofBatch'>
  /** Waiting jobs of groups are gone: others may be ready. */
  readonly makeReady: (keys: readonly string[]) => Promise<void>
}

/** A batch takes no jobs; the message of the database is its state. */
const TAKES_NONE = 'CH005'
/** How often the lease of a batch is renewed, in milliseconds: it is five minutes long. */
const RENEWAL_MS = 60_000

/** Pushes batches and adds jobs to them, a transaction a part, or all in a caller's. */
export class BatchPusher {
  readonly #options: BatchPusherOptions
  readonly #closing = new AbortController()
  /** Calls that write in transactions of their own. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: BatchPusherOptions) {
    this.#options = options
  }

  async push<T>(given: unknown, jobs: Jobs<T>, options: unknown): Promise<WorkflowReference<null>> {
    const batch = checkBatch(given)
    const wanted = checkOptions(options, ['session', 'batchSize'], 'pushBatch')
    const size = sizeOf(wanted.batchSize, 'pushBatch')
    checkJobs(jobs, 'pushBatch')
    const id = newId(this.#options.database.clock.now())
    if (wanted.session === undefined)
      await this.#tracked(this.#pushAlone(id, batch, this.#parts(id, jobs, 'pushBatch', size)))
    else {
      const session = asSession(wanted.session)
      await this.#pushIn(id, batch, this.#parts(id, jobs, 'pushBatch', size), session)
    }
    return new WorkflowReference<null>(id, true)
  }

  async add<T>(id: string, jobs: Jobs<T>, options: unknown): Promise<number> {
    const { batchSize } = checkOptions(options, ['batchSize'], 'addToBatch')
    checkJobs(jobs, 'addToBatch')
    const parts = this.#parts(id, jobs, 'addToBatch', sizeOf(batchSize, 'addToBatch'))
    return this.#tracked(this.#write(id, parts, 'added'))
  }

  /** Ends each call at its next part. Resolves when that is done. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#running])
  }

  async #pushAlone(id: string, batch: Batch, parts: AsyncIterable<PushRow[]>): Promise<void> {
    const { statements } = this.#options
    await statements.engine(beginBatch, [planText(id, batch)])
    const renewal = new AbortController()
    const renewing = this.#renew(id, renewal.signal)
    try {
      await this.#write(id, parts, 'pushed')
      await this.#seal(id, null)
    } catch (error) {
      const message = (error as Error | null)?.message ?? String(error)
      // What the call rejects with is why the batch failed, and not that it could not be ended too: its lease ends it.
      await this.#seal(id, `The push failed: ${message}`).catch(() => {})
      throw error
    } finally {
      renewal.abort()
      await renewing
    }
  }

  async #pushIn(
    id: string,
    batch: Batch,
    parts: AsyncIterable<PushRow[]>,
    session: Session,
  ): Promise<void> {
    const { database, producer } = this.#options
    await database.run(beginBatch, [planText(id, batch)], { session })
    for await (const rows of parts) await producer.ofBatch(id, rows, session)
    await database.run(sealBatch, [id, null, true], { session })
  }

  /** While one part is written the next one is read. */
  async #write(
    id: string,
    parts: AsyncIterable<PushRow[]>,
    counted: 'pushed' | 'added',
  ): Promise<number> {
    let count = 0
    const write = async (rows: PushRow[]): Promise<void> => {
      count += await this.#options.producer.ofBatch(id, rows)
    }
    let writing = Promise.resolve()
    try {
      try {
        for await (const rows of parts) {
          await writing
          writing = write(rows)
          // Awaited on the next round; until then its failure must not count as unhandled.
          writing.catch(() => {})
        }
      } finally {
        await writing
      }
    } catch (error) {
      throw refused(id, error, { [counted]: count })
    }
    return count
  }

  async *#parts<T>(
    id: string,
    jobs: Jobs<T>,
    method: string,
    size: number,
  ): AsyncGenerator<PushRow[]> {
    let isCutShort = false
    const onCutShort = (): void => {
      isCutShort = true
    }
    const rule = { method, size, isOneBatch: false, closing: this.#closing.signal, onCutShort }
    for await (const rows of batches(jobs, this.#options.makeRow, rule)) {
      yield rows.map((row) => partOf(row, id, method))
    }
    if (!isCutShort) return
    throw new ChancyError(
      'CLOSED',
      `This Chancy was closed during ${method}, and the rest of the jobs was not pushed. Wait for ${method} before close.`,
      { details: { id } },
    )
  }

  /** Until the signal aborts. */
  async #renew(id: string, signal: AbortSignal): Promise<void> {
    const { database, statements } = this.#options
    while (!signal.aborted) {
      await database.clock.sleep(RENEWAL_MS, signal)
      if (signal.aborted) return
      // The next one is soon enough.
      await statements.run(renewBatch, [id]).catch(() => [])
    }
  }

  /** One transaction ends a thousand jobs at most, so a failed one is sealed until nothing is left. */
  async #seal(id: string, why: string | null): Promise<void> {
    const text =
      why === null ? null : JSON.stringify({ kind: 'error', message: why.slice(0, 2_000) })
    for (;;) {
      const rows = await this.#options.statements.engine(sealBatch, [id, text, false])
      await this.#take(rows)
      if (why === null || !rows.some(({ verdict }) => verdict === 'left')) return
    }
  }

  async #take(rows: readonly FlowRow[]): Promise<void> {
    const { hub, makeReady } = this.#options
    const freed: string[] = []
    for (const { verdict, owner, name } of rows) {
      if (verdict === 'ready' && name !== null) hub.emit('queue.pushed', { queue: name })
      if (verdict === 'asked' && owner !== null) hub.emit('job.cancelled', { id: owner })
      if (verdict === 'freed' && name !== null) freed.push(name)
      if (verdict === 'batch' && owner !== null)
        hub.emit('batch.finished', { id: owner, state: name as EndedWorkflowState })
    }
    if (freed.length > 0) await makeReady(freed)
  }

  #tracked<T>(call: Promise<T>): Promise<T> {
    this.#running.add(call)
    return call.finally(() => this.#running.delete(call))
  }
}

function planText(id: string, batch: Batch): string {
  const { name, deadlineMs, retentionMs, callbacks } = batch
  const meta = JSON.parse(metaText(batch.meta, `Batch ${inspect(name)}`)) as unknown
  return JSON.stringify({ id, name, deadlineMs, retentionMs, callbacks, meta })
}

function partOf(row: PushRow, batch: string, method: string): PushRow {
  if (!row.isTaking) return rowOfBatch(row, batch)
  throw new ConfigError(
    `${method}: a job "${row.name}" has whenTaken, and the job that has its key is no job of this batch. Leave whenTaken out.`,
  )
}

function sizeOf(given: unknown, method: string): number {
  return checkInteger(given ?? DEFAULT_BATCH_SIZE, `${method}: batchSize`, {
    min: 1,
    max: MAX_BATCH_SIZE,
  })
}

function checkJobs(jobs: unknown, method: string): void {
  const isIterable = typeof jobs === 'object' && jobs !== null
  if (isIterable && (Symbol.iterator in jobs || Symbol.asyncIterator in jobs)) return
  throw new ConfigError(`${method}: expected an iterable of jobs, got ${inspect(jobs)}.`)
}

/** The error for a batch that takes no jobs any more. */
function refused(id: string, error: unknown, details: object): unknown {
  if (!isChancyError(error) || error.details.sqlState !== TAKES_NONE) return error
  const { message: state } = error.cause as Error
  if (state === 'unknown') return workflowNotFound(id)
  const why = state === 'cancelled' ? 'was cancelled' : `has ended, ${state}`
  return new JobStateError(`The batch ${id} ${why}, and takes no more jobs. Push another batch.`, {
    details: { id, state, ...details },
  })
}
