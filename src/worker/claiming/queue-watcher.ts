import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { DEFAULT_QUEUE, type ExecutorKind, type Queue } from '../../core/queue.ts'
import { matchesTags, tagsFault } from '../../core/tags.ts'
import { textArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { queue as queueOf } from '../../database/rows.ts'
import { getQueues, implyQueues, resumeDueQueues } from '../../database/statements/queues.ts'
import { saveWorkerQueues } from '../../database/statements/workers.ts'
import type { Hub } from '../../events/hub.ts'
import { type Periodic, periodic } from '../../services/periodic.ts'
import type { Service } from '../../services/service.ts'

export interface QueueWatcherOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly workerId: () => string
  readonly tags: () => readonly string[]
  /** Queues that the definitions of the known jobs name. */
  readonly named: readonly string[]
  /** The executor of a named queue that is not declared. */
  readonly impliedExecutor: ExecutorKind
  /** Only these, whatever the tags say. Null: all that match. */
  readonly only: readonly string[] | null
  /** Called with a queue to run from now on, and with one that has changed. */
  readonly onQueue: (queue: Queue) => void
  /** Called with a queue that was deleted, or that is not for this worker any more. */
  readonly onGone: (name: string) => void
  /** The queues whose jobs can run here now, and why the others cannot, by name. */
  readonly served: () => readonly string[]
  readonly refusals: () => Readonly<Record<string, string>>
  readonly isPaused: () => boolean
}

/** What decides which workers run a queue. */
export type QueueTags = Pick<Queue, 'name' | 'tags'>

/** Follows the declared queues that are for this worker. */
export class QueueWatcher implements Service {
  readonly #options: QueueWatcherOptions
  readonly #passes: Periodic
  readonly #known = new Map<string, string>()
  /** Whether the tags of a queue match, by its name, and what was compared. */
  readonly #matches = new Map<string, { readonly key: string; readonly isOurs: boolean }>()
  #savedFor = ''

  constructor(options: QueueWatcherOptions) {
    this.#options = options
    this.#passes = periodic(
      {
        name: 'reading queues',
        // What a lost notification costs.
        every: '1s',
        wakeOn: ['queue.changed', 'notifier.reconnected'],
        pass: () => this.#pass(),
      },
      options,
    )
  }

  /** Resolves after the first pass, with the queues of the known jobs declared if they were missing. */
  async start(): Promise<void> {
    await this.#declareNamed()
    await this.#pass()
    this.#passes.start()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#passes.hasten()
  }

  stop(): Promise<void> {
    return this.#passes.stop()
  }

  /** The names of those declared queues that are for this worker, in the order of names. */
  ours(declared: readonly QueueTags[]): string[] {
    const names = declared.filter((queue) => this.#isOurs(queue)).map(({ name }) => name)
    return names.sort()
  }

  /** What is known of a queue is wrong: it is read immediately, and reported whether it differs or not. */
  refresh(name: string): void {
    if (this.#known.has(name)) this.#known.set(name, '')
    this.#passes.wake()
  }

  /** Without this a job of such a queue would wait until the queue is declared. */
  async #declareNamed(): Promise<void> {
    const { database, named, only, impliedExecutor, log } = this.#options
    const names = [...new Set([DEFAULT_QUEUE, ...named])].filter(
      (name) => only?.includes(name) ?? true,
    )
    if (names.length === 0) return
    const made = await database.run(implyQueues, [textArray(names), impliedExecutor])
    for (const { name } of made) {
      log.info({ queue: name, executor: impliedExecutor }, 'queue declared with the defaults')
    }
  }

  async #pass(): Promise<undefined> {
    const { database, onQueue, onGone } = this.#options
    let rows = await database.run(getQueues, [])
    const isDue = rows.some((row) => row.state === 'paused' && row.resume_ms !== null)
    if (isDue && (await database.run(resumeDueQueues, [null])).length > 0) {
      rows = await database.run(getQueues, [])
    }
    const seen = new Set<string>()
    for (const row of rows) {
      const queue = queueOf(row)
      if (!this.#isOurs(queue)) continue
      seen.add(queue.name)
      const text = JSON.stringify(row)
      if (this.#known.get(queue.name) === text) continue
      this.#known.set(queue.name, text)
      onQueue(queue)
    }
    const present = new Set(rows.map(({ name }) => name))
    for (const name of this.#matches.keys()) if (!present.has(name)) this.#matches.delete(name)
    for (const name of [...this.#known.keys()]) {
      if (seen.has(name)) continue
      this.#known.delete(name)
      onGone(name)
    }
    await this.publish()
  }

  #isOurs(queue: QueueTags): boolean {
    const { tags, only, log } = this.#options
    if (only !== null && !only.includes(queue.name)) return false
    // Matched again only when either side has changed.
    const own = tags()
    const key = JSON.stringify([queue.tags, own])
    const known = this.#matches.get(queue.name)
    if (known?.key === key) return known.isOurs
    const isOurs = matchesTags(queue.tags, own)
    this.#matches.set(queue.name, { key, isOurs })
    const reason = tagsFault(queue.tags)
    if (reason !== null) {
      log.warn(
        { queue: queue.name, reason },
        'queue has tags that are not allowed: they match no worker',
      )
    }
    return isOurs
  }

  /** Which queues are served, or whether the worker is paused, has changed. */
  changed(): void {
    this.#passes.wake()
  }

  /** Publishes which queues this worker serves, and whether it is paused: by it a job says why it waits. */
  async publish(): Promise<void> {
    const { database, workerId, served, refusals, isPaused } = this.#options
    const queues = JSON.stringify(served())
    const values = [workerId(), queues, JSON.stringify(refusals()), isPaused()] as const
    const savedFor = values.join(' ')
    if (savedFor === this.#savedFor) return
    await database.run(saveWorkerQueues, values)
    this.#savedFor = savedFor
  }
}
