import type { Clock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { sweepBlocked, sweepGroups, sweepRateStarts } from '../database/statements/groups.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

export interface GroupSweeperOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** Blocked jobs of a queue became ready. */
  readonly onReady: (queue: string) => void
}

const INTERVAL_MS = 1_000
/** Groups a pass. */
const MAX_GROUPS = 1_000
/** How often rows of groups without a job are removed, in passes. */
const REMOVE_EVERY = 60

/**
 * Heals what a lost wake-up left behind: blocked jobs whose group has room become ready. It looks at
 * what is, not at what happened, so nothing that went wrong before matters. Goes through the groups
 * by at most a thousand a pass, and now and then removes the rows of those that are over.
 */
export class GroupSweeper implements Service {
  readonly #options: GroupSweeperOptions
  readonly #loop: Loop
  #after: string | null = null
  #removeAfter: string | null = null
  #passes = 0

  constructor(options: GroupSweeperOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'sweeping groups', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(): Promise<number> {
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
    return jittered(INTERVAL_MS)
  }

  /** A part of them; goes on in the next pass where more are left. */
  async #remove(): Promise<number> {
    const { database } = this.#options
    const [row] = await database.engine(sweepGroups, [this.#removeAfter, MAX_GROUPS])
    this.#removeAfter = row?.last_key ?? null
    if (this.#removeAfter === null) await database.run(sweepRateStarts, [])
    return row?.removed ?? 0
  }
}
