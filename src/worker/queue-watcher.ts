import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { DEFAULT_QUEUE, type ExecutorKind, type Queue } from '../core/queue.ts'
import { matchesTags, tagsFault } from '../core/tags.ts'
import { textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { queue as queueOf } from '../database/rows.ts'
import { getQueues, implyQueues, resumeDueQueues } from '../database/statements/queues.ts'
import { saveWorkerQueues } from '../database/statements/workers.ts'
import type { Hub } from '../events/hub.ts'
import { Loop } from './loop.ts'
import type { Service } from './service.ts'

/** How often the queues are read, in milliseconds: what a lost notification costs. */
const INTERVAL_MS = 1_000

export interface QueueWatcherOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly workerId: () => string
  readonly tags: () => readonly string[]
  /** Queues that the known jobs name. */
  readonly named: readonly string[]
  /** Of a named queue that is not declared. */
  readonly impliedExecutor: ExecutorKind
  /** Only these, whatever the tags say. Null: all that match. */
  readonly only: readonly string[] | null
  /** Told of a queue to run from now on, and of one that has changed. */
  readonly onQueue: (queue: Queue) => void
  /** Told of a queue that is gone, or that is not for this worker any more. */
  readonly onGone: (name: string) => void
  /** The queues whose jobs can run here now, and why the others cannot, by name. */
  readonly served: () => readonly string[]
  readonly refusals: () => Readonly<Record<string, string>>
}

/** Follows the declared queues that are for this worker. */
export class QueueWatcher implements Service {
  readonly #options: QueueWatcherOptions
  readonly #loop: Loop
  readonly #known = new Map<string, string>()
  /** Whether the tags of a queue match, by its name, and what was compared. */
  readonly #matches = new Map<string, { readonly key: string; readonly isOurs: boolean }>()
  #unlisten: (() => void)[] = []
  #savedFor = ''

  constructor(options: QueueWatcherOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'reading queues', error }),
    })
  }

  /** Resolves after the first look, with the queues of the known jobs declared if they were missing. */
  async start(): Promise<void> {
    await this.#declareNamed()
    await this.#pass()
    const { hub } = this.#options
    this.#unlisten = [
      hub.on('queue.changed', () => this.#loop.wake()),
      hub.on('notifier.resumed', () => this.#loop.wake()),
    ]
    this.#loop.start()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#loop.hasten()
  }

  stop(): Promise<void> {
    for (const unlisten of this.#unlisten) unlisten()
    return this.#loop.stop()
  }

  /** What is known of a queue is wrong: it is read at once, and told of whether it differs or not. */
  doubt(name: string): void {
    if (this.#known.has(name)) this.#known.set(name, '')
    this.#loop.wake()
  }

  /** Without this a job of such a queue would wait until somebody declares it. */
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

  async #pass(): Promise<number> {
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
    return INTERVAL_MS
  }

  #isOurs(queue: Queue): boolean {
    const { tags, only, log } = this.#options
    if (only !== null && !only.includes(queue.name)) return false
    // Matched again only when either side has changed.
    const own = tags()
    const key = JSON.stringify([queue.tags, own])
    const before = this.#matches.get(queue.name)
    if (before?.key === key) return before.isOurs
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

  /** Which queues are served has changed. */
  changed(): void {
    this.#loop.wake()
  }

  /** Publishes which queues this worker serves: by it a job says why it waits. */
  async publish(): Promise<void> {
    const { database, workerId, served, refusals } = this.#options
    const values = [workerId(), JSON.stringify(served()), JSON.stringify(refusals())] as const
    const savedFor = values.join(' ')
    if (savedFor === this.#savedFor) return
    await database.run(saveWorkerQueues, values)
    this.#savedFor = savedFor
  }
}
