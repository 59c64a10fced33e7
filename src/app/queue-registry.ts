import { checkOptions, show } from '../core/check.ts'
import { ConfigError, NotFoundError } from '../core/errors.ts'
import { checkQueueName } from '../core/job-name.ts'
import type { Logger } from '../core/logger.ts'
import { differingOptions, Queue } from '../core/queue.ts'
import { queue as queueOf } from '../database/rows.ts'
import * as sql from '../database/statements/queues.ts'
import type { Asker } from './asker.ts'

/** A queue as stored, and what of its declaration was not taken. */
export type DeclaredQueue = Queue & {
  /** Options that were given and that the stored queue has otherwise. Always empty with `upsert`. */
  readonly ignored: readonly string[]
}

/** What users do to queues. Each change is told to the workers by `onChange`. */
export class QueueRegistry {
  readonly #asker: Asker
  readonly #log: Logger
  readonly #onChange: (queue: string) => Promise<void>

  constructor(asker: Asker, log: Logger, onChange: (queue: string) => Promise<void>) {
    this.#asker = asker
    this.#log = log
    this.#onChange = onChange
  }

  async declare(queue: Queue, options: unknown): Promise<DeclaredQueue> {
    const { upsert = false } = checkOptions(options, ['upsert'], 'declare')
    if (typeof upsert !== 'boolean') {
      throw new ConfigError(`declare: upsert: expected true or false, got ${show(upsert)}.`)
    }
    if (!(queue instanceof Queue)) {
      throw new ConfigError(
        `declare: expected a Queue, got ${show(queue)}. Write: declare(new Queue('mail')).`,
      )
    }
    await this.#asker.run(upsert ? sql.upsertQueue : sql.declareQueue, [
      queue.name,
      queue.state,
      queue.resumeAt?.getTime() ?? null,
      queue.concurrency,
      queue.executor,
      JSON.stringify(queue.executorOptions),
      JSON.stringify(queue.tags),
      queue.pollingIntervalMs,
      queue.rateLimit?.max ?? null,
      queue.rateLimit?.perMs ?? null,
    ])
    await this.#onChange(queue.name)
    const stored = await this.get(queue.name)
    const ignored = differingOptions(queue, stored)
    if (ignored.length > 0) {
      this.#log.warn(
        { queue: queue.name, ignored },
        `queue is declared with other settings, kept as they are: ${ignored.join(', ')}. To replace them: declare(queue, { upsert: true })`,
      )
    }
    // Its prototype stays that of a queue, so that it may be declared again.
    return Object.freeze(
      Object.assign(Object.create(Queue.prototype) as Queue, stored, { ignored }),
    )
  }

  async get(name: string): Promise<Queue> {
    const [row] = await this.#asker.read(sql.getQueue, [
      checkQueueName(name, 'The name of a queue'),
    ])
    return queueOf(this.#found(row, name))
  }

  async all(): Promise<Queue[]> {
    return (await this.#asker.read(sql.getQueues, [])).map(queueOf)
  }

  async delete(name: string): Promise<void> {
    const values = [checkQueueName(name, 'The name of a queue')] as const
    const row = await this.#asker.again(async (database, isInDoubt) => {
      const [deleted] = await database.run(sql.deleteQueue, values)
      // An earlier try may have deleted it, whose answer was lost.
      return deleted ?? (isInDoubt ? { name } : undefined)
    })
    this.#found(row, name)
    await this.#onChange(name)
  }

  async pause(name: string, options: unknown): Promise<void> {
    const { resumeAt } = checkOptions(options, ['resumeAt'], 'pauseQueue') as { resumeAt?: Date }
    if (resumeAt !== undefined && !(resumeAt instanceof Date && !Number.isNaN(+resumeAt))) {
      throw new ConfigError(`pauseQueue: resumeAt: expected a valid Date, got ${show(resumeAt)}.`)
    }
    const [row] = await this.#asker.run(sql.pauseQueue, [
      checkQueueName(name, 'The name of a queue'),
      resumeAt?.getTime() ?? null,
    ])
    this.#found(row, name)
    await this.#onChange(name)
  }

  async resume(name: string): Promise<void> {
    const [row] = await this.#asker.run(sql.resumeQueue, [
      checkQueueName(name, 'The name of a queue'),
    ])
    this.#found(row, name)
    await this.#onChange(name)
  }

  #found<Row>(row: Row | undefined, name: string): Row {
    if (row !== undefined) return row
    throw new NotFoundError(
      'QUEUE_NOT_FOUND',
      `No queue is called ${show(name)}. Declare it first: chancy.declare(new Queue(${show(name)})).`,
      { details: { queue: name } },
    )
  }
}
