import {
  ACTION_OPTIONS,
  type ActedBy,
  type ActionOptions,
  parseActedBy,
} from '../core/action-options.ts'
import { checkOptions, inspect } from '../core/check.ts'
import { ConfigError, NotFoundError } from '../core/errors.ts'
import { checkQueueName } from '../core/job-name.ts'
import type { Logger } from '../core/logger.ts'
import { differingOptions, Queue } from '../core/queue.ts'
import type { Value } from '../database/driver.ts'
import { queue as queueOf } from '../database/rows.ts'
import type { Statement } from '../database/statement.ts'
import * as sql from '../database/statements/queues.ts'
import type { AuditLog } from './audit/audit-log.ts'
import type { StatementRunner } from './statement-runner.ts'

/** A queue as stored, and which options of its declaration were ignored. */
export type DeclaredQueue = Queue & {
  /** Options that were given and that the stored queue has otherwise. Always empty with `upsert`. */
  readonly ignored: readonly string[]
}

type Run = <Values extends readonly Value[], Row>(
  what: Statement<Values, Row>,
  values: Values,
) => Promise<Row[]>

/** Declares, reads, pauses and deletes queues. `onChange` notifies the workers of each change. */
export class Queues {
  readonly #statements: StatementRunner
  readonly #log: Logger
  readonly #audit: () => Promise<AuditLog>
  readonly #onChange: (queue: string) => Promise<void>

  constructor(options: {
    readonly statements: StatementRunner
    readonly log: Logger
    readonly audit: () => Promise<AuditLog>
    readonly onChange: (queue: string) => Promise<void>
  }) {
    this.#statements = options.statements
    this.#log = options.log
    this.#audit = options.audit
    this.#onChange = options.onChange
  }

  async declare(queue: Queue, options: unknown): Promise<DeclaredQueue> {
    const given = checkOptions(options, ['upsert', ...ACTION_OPTIONS], 'declare')
    const { upsert = false } = given
    if (typeof upsert !== 'boolean') {
      throw new ConfigError(`declare: upsert: expected true or false, got ${inspect(upsert)}.`)
    }
    if (!(queue instanceof Queue)) {
      throw new ConfigError(
        `declare: expected a Queue, got ${inspect(queue)}. Write: declare(new Queue('mail')).`,
      )
    }
    const values: sql.DeclareValues = [
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
    ]
    const by = parseActedBy(given, 'declare')
    const statement = upsert ? sql.upsertQueue : sql.declareQueue
    await this.#change(by, 'queues.edit', queue.name, (run) => run(statement, values))
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
    const [row] = await this.#statements.read(sql.getQueue, [
      checkQueueName(name, 'The name of a queue'),
    ])
    return queueOf(this.#found(row, name))
  }

  async all(): Promise<Queue[]> {
    return (await this.#statements.read(sql.getQueues, [])).map(queueOf)
  }

  async delete(name: string, options?: ActionOptions): Promise<void> {
    const values = [checkQueueName(name, 'The name of a queue')] as const
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'deleteQueue'), 'deleteQueue')
    if (by === null) {
      const row = await this.#statements.again(async (database, isInDoubt) => {
        const [deleted] = await database.run(sql.deleteQueue, values)
        // An earlier try may have deleted it, whose answer was lost.
        return deleted ?? (isInDoubt ? { name } : undefined)
      })
      this.#found(row, name)
    } else {
      await this.#change(by, 'queues.delete', name, async (run) =>
        this.#found((await run(sql.deleteQueue, values))[0], name),
      )
    }
    await this.#onChange(name)
  }

  async pause(name: string, options: unknown): Promise<void> {
    const given = checkOptions(options, ['resumeAt', ...ACTION_OPTIONS], 'pauseQueue')
    const { resumeAt } = given as { resumeAt?: Date }
    if (resumeAt !== undefined && !(resumeAt instanceof Date && !Number.isNaN(+resumeAt))) {
      throw new ConfigError(
        `pauseQueue: resumeAt: expected a valid Date, got ${inspect(resumeAt)}.`,
      )
    }
    const values = [
      checkQueueName(name, 'The name of a queue'),
      resumeAt?.getTime() ?? null,
    ] as const
    await this.#change(parseActedBy(given, 'pauseQueue'), 'queues.pause', name, async (run) =>
      this.#found((await run(sql.pauseQueue, values))[0], name),
    )
    await this.#onChange(name)
  }

  async resume(name: string, options?: ActionOptions): Promise<void> {
    const values = [checkQueueName(name, 'The name of a queue')] as const
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'resumeQueue'), 'resumeQueue')
    await this.#change(by, 'queues.resume', name, async (run) =>
      this.#found((await run(sql.resumeQueue, values))[0], name),
    )
    await this.#onChange(name)
  }

  /** Changes a queue, and where it is known by whom, with a row of the audit log that has it before and after. */
  async #change(
    by: ActedBy | null,
    verb: string,
    name: string,
    change: (run: Run) => Promise<unknown>,
  ): Promise<void> {
    if (by === null) {
      await change((what, values) => this.#statements.run(what, values))
      return
    }
    const deed = { verb, target: `queue:${name}` }
    await (await this.#audit()).act(by, deed, async (database, session) => {
      const stored = async (): Promise<object | null> => {
        const [row] = await database.run(sql.getQueue, [name], { session })
        return row === undefined ? null : { ...queueOf(row) }
      }
      const before = await stored()
      await change((what, values) => database.run(what, values, { session }))
      const after = await stored()
      const isSame = JSON.stringify(before) === JSON.stringify(after)
      return { value: null, before, after, outcome: isSame ? 'unchanged' : 'done' }
    })
  }

  #found<Row>(row: Row | undefined, name: string): Row {
    if (row !== undefined) return row
    throw new NotFoundError(
      'QUEUE_NOT_FOUND',
      `No queue is called ${inspect(name)}. Declare it first: chancy.declare(new Queue(${inspect(name)})).`,
      { details: { queue: name } },
    )
  }
}
