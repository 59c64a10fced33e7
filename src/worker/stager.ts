import type { Clock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { stageJobs } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

/** Jobs a pass: a million that are due at once must not become one transaction. */
const MAX_STAGED = 1_000
/** How long to wait when nothing waits for its time, or it is far away, in milliseconds. */
const LONGEST_WAIT_MS = 5_000

export interface StagerOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** Tells runners, here and elsewhere, that a queue has jobs. */
  readonly onStaged: (queue: string) => void
}

/**
 * Gives their places in the line to jobs whose time has come: scheduled ones, retries, snoozed ones.
 * Every worker has one; they skip each other's rows.
 */
export class Stager implements Service {
  readonly #options: StagerOptions
  readonly #loop: Loop
  #unlisten: (() => void)[] = []

  constructor(options: StagerOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'staging', error }),
    })
  }

  start(): void {
    const { hub } = this.#options
    this.#unlisten = [
      hub.on('job.scheduled', () => this.#loop.wake()),
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

  async #pass(): Promise<number> {
    const { database, hub, onStaged } = this.#options
    const rows = await database.engine(stageJobs, [MAX_STAGED, null])
    let staged = 0
    let nextMs: number | null = null
    for (const row of rows) {
      if (row.queue === null) {
        nextMs = row.next_ms
      } else {
        staged += row.staged
        onStaged(row.queue)
      }
    }
    hub.emit('jobs.staged', { staged })
    if (staged >= MAX_STAGED) return 0
    if (nextMs === null) return jittered(LONGEST_WAIT_MS)
    // A row that is due and was not staged is locked by another stager.
    return nextMs <= 0 ? 50 : Math.min(nextMs, LONGEST_WAIT_MS)
  }
}
