import type { Database } from '../../database/database.ts'
import { sweepBlocked, sweepGroups, sweepRateStarts } from '../../database/statements/groups.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

export interface GroupReconcilerOptions {
  readonly database: Database
  readonly hub: Hub
  /** Blocked jobs of a queue became ready. */
  readonly onReady: (queue: string) => void
}

/** Groups a pass. */
const MAX_GROUPS = 1_000
/** How often rows of groups without a job are removed, in passes. */
const REMOVE_EVERY = 60

/**
 * Makes blocked jobs ready whose group has free slots: it compares the present rows, so it also repairs what
 * a lost notification or a crash left behind. A pass reads at most a thousand groups; once a minute the rows
 * of groups without jobs are removed.
 */
export class GroupReconciler implements PeriodicTask {
  readonly name = 'reconciling groups'
  readonly every = '1s'
  readonly isJittered = true
  readonly #options: GroupReconcilerOptions
  #after: string | null = null
  #removeAfter: string | null = null
  #passes = 0

  constructor(options: GroupReconcilerOptions) {
    this.#options = options
  }

  async pass(): Promise<undefined> {
    const { database, hub, onReady } = this.#options
    let ready = 0
    let removed = 0
    for (const row of await database.engine(sweepBlocked, [this.#after, MAX_GROUPS])) {
      if (row.queue === null) {
        this.#after = row.last_key
      } else {
        ready++
        onReady(row.queue)
      }
    }
    this.#passes++
    if (this.#removeAfter !== null || this.#passes % REMOVE_EVERY === 0)
      removed = await this.#remove()
    hub.emit('groups.swept', { ready, removed })
  }

  /** A batch of them; the next pass continues where more are left. */
  async #remove(): Promise<number> {
    const { database } = this.#options
    const [row] = await database.engine(sweepGroups, [this.#removeAfter, MAX_GROUPS])
    this.#removeAfter = row?.last_key ?? null
    if (this.#removeAfter === null) await database.run(sweepRateStarts, [])
    return row?.removed ?? 0
  }
}
