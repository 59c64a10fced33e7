import type { Database } from '../../database/database.ts'
import { stageJobs } from '../../database/statements/jobs.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** Jobs a pass: a million that are due together must not become one transaction. */
const MAX_STAGED = 1_000
/** How long to wait when no job is scheduled, or the next one is far away, in milliseconds. */
const LONGEST_WAIT_MS = 5_000

export interface StagerOptions {
  readonly database: Database
  readonly hub: Hub
  /** Tells runners, here and elsewhere, that a queue has jobs. */
  readonly onStaged: (queue: string) => void
}

/**
 * Gives a position in its queue to each job whose time has come: scheduled, retried or snoozed. Every worker
 * has a stager; they skip rows that another has locked.
 */
export class Stager implements PeriodicTask {
  readonly name = 'staging'
  readonly every = LONGEST_WAIT_MS
  readonly isJittered = true
  readonly wakeOn = ['job.scheduled', 'notifier.reconnected'] as const
  readonly #options: StagerOptions

  constructor(options: StagerOptions) {
    this.#options = options
  }

  async pass(): Promise<number | undefined> {
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
    if (nextMs === null) return undefined
    // A row that is due and was not staged is locked by another stager.
    return nextMs <= 0 ? 50 : Math.min(nextMs, LONGEST_WAIT_MS)
  }
}
