import type { Clock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { findUnserved } from '../database/statements/unserved.ts'
import type { Hub } from '../events/hub.ts'
import { Loop } from './loop.ts'
import type { Service } from './service.ts'

export interface UnservedJobsOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  /** Whether this worker runs the queue. */
  readonly isRun: (queue: string) => boolean
}

const INTERVAL_MS = 60_000
/** After a start, or a push to a queue that is not run here, in milliseconds: it may be declared next. */
const SOON_MS = 2_000
/** Jobs of a kind are counted to this. */
const BOUND = 10_000
/** Queues that are kept in mind. */
const MAX_QUEUES = 1_000

/**
 * Looks once a minute for jobs that wait for what no worker has: a queue that is not declared, or a
 * function that no worker of their queue knows. Without this they would wait and nothing would say so.
 */
export class UnservedJobs implements Service {
  readonly #options: UnservedJobsOptions
  readonly #loop: Loop
  /** Queues without a runner here of which a push was heard: each leads to one look of its own. */
  readonly #heard = new Set<string>()
  #isEarly = true
  #unlisten: () => void = () => {}

  constructor(options: UnservedJobsOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) =>
        options.hub.emit('database.troubled', { what: 'looking for unserved jobs', error }),
    })
  }

  start(): void {
    const { hub, isRun } = this.#options
    this.#unlisten = hub.on('queue.pushed', ({ queue }) => {
      if (isRun(queue) || this.#heard.has(queue) || this.#heard.size >= MAX_QUEUES) return
      this.#heard.add(queue)
      this.#isEarly = true
      this.#loop.wake()
    })
    this.#loop.start()
  }

  stop(): Promise<void> {
    this.#unlisten()
    return this.#loop.stop()
  }

  async #pass(): Promise<number> {
    if (this.#isEarly) {
      this.#isEarly = false
      return SOON_MS
    }
    const { database, hub, workerId } = this.#options
    const rows = await database.run(findUnserved, [workerId(), BOUND + 1])
    for (const { jobs, ...row } of rows) {
      hub.emit('jobs.unserved', { ...row, jobs: Math.min(jobs, BOUND), more: jobs > BOUND })
    }
    hub.emit('unserved.checked', { found: rows.length })
    return INTERVAL_MS
  }
}
