import type { Database } from '../../database/database.ts'
import { sweepReplacements, sweepThrottles } from '../../database/statements/unique-keys.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** Rows a statement. */
const MAX_ROWS = 10_000

/** Removes the rows of unique keys whose time has passed. Late or never, it changes no push: each compares the times. */
export class KeySweeper implements PeriodicTask {
  readonly name = 'sweeping unique keys'
  readonly every = '1m'
  readonly isJittered = true
  readonly #database: Database
  readonly #hub: Hub

  constructor({ database, hub }: { readonly database: Database; readonly hub: Hub }) {
    this.#database = database
    this.#hub = hub
  }

  async pass(signal: AbortSignal): Promise<undefined> {
    let removed = 0
    for (const sweep of [sweepThrottles, sweepReplacements]) {
      let last = MAX_ROWS
      while (last === MAX_ROWS && !signal.aborted) {
        const [row] = await this.#database.run(sweep, [MAX_ROWS])
        last = row?.removed ?? 0
        removed += last
      }
    }
    this.#hub.emit('unique_keys.swept', { removed })
  }
}
