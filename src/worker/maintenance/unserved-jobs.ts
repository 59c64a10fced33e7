import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../database/database.ts'
import { findUnserved } from '../../database/statements/unserved.ts'
import type { Hub } from '../../events/hub.ts'
import { type Periodic, periodic } from '../../services/periodic.ts'
import type { Service } from '../../services/service.ts'

export interface UnservedJobsOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly workerId: () => string
  /** Whether this worker runs the queue. */
  readonly isRun: (queue: string) => boolean
}

/** After a start, or a push to a queue that is not run here, in milliseconds: it may be declared next. */
const SOON_MS = 2_000
/** Jobs of a kind are counted to this. */
const BOUND = 10_000
/** Queues that are remembered. */
const MAX_QUEUES = 1_000

/**
 * Reports once a minute the jobs that wait for what no worker has: a queue that is not declared, or a
 * function that no worker of their queue knows. Without a report they would wait unnoticed.
 */
export class UnservedJobs implements Service {
  readonly #options: UnservedJobsOptions
  readonly #passes: Periodic
  /** Queues without a runner here that a push has named: each causes one scan. */
  readonly #pushed = new Set<string>()
  #isEarly = true
  #unlisten: () => void = () => {}

  constructor(options: UnservedJobsOptions) {
    this.#options = options
    this.#passes = periodic(
      { name: 'looking for unserved jobs', every: '1m', pass: () => this.#pass() },
      options,
    )
  }

  start(): void {
    const { hub, isRun } = this.#options
    this.#unlisten = hub.on('queue.pushed', ({ queue }) => {
      if (isRun(queue) || this.#pushed.has(queue) || this.#pushed.size >= MAX_QUEUES) return
      this.#pushed.add(queue)
      this.#isEarly = true
      this.#passes.wake()
    })
    this.#passes.start()
  }

  stop(): Promise<void> {
    this.#unlisten()
    return this.#passes.stop()
  }

  async #pass(): Promise<number | undefined> {
    if (this.#isEarly) {
      this.#isEarly = false
      return SOON_MS
    }
    const { database, hub, workerId } = this.#options
    const rows = await database.run(findUnserved, [workerId(), BOUND + 1])
    for (const { jobs, ...row } of rows) {
      hub.emit('jobs.unserved', { ...row, jobs: Math.min(jobs, BOUND), hasMore: jobs > BOUND })
    }
    hub.emit('unserved.checked', { found: rows.length })
    return undefined
  }
}
