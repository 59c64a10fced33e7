import type { Database } from '../../database/database.ts'
import { sweepDurable } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** Jobs a pass. */
const MAX_JOBS = 1_000

/**
 * Removes what durable jobs have left that are gone: a thousand jobs a pass, in the order of their ids, continuing where
 * the last pass ended. What is kept goes with the row of its job, in the history too.
 */
export class StepSweeper implements PeriodicTask {
  readonly name = 'sweeping steps of durable jobs'
  readonly every = '60s'
  readonly isJittered = true
  readonly #options: { readonly database: Database; readonly hub: Hub }
  #after: string | null = null

  constructor(options: { readonly database: Database; readonly hub: Hub }) {
    this.#options = options
  }

  async pass(): Promise<number | undefined> {
    const { database, hub } = this.#options
    const [first, ...dropped] = await database.run(sweepDurable, [this.#after, MAX_JOBS])
    this.#after = first?.last_id ?? null
    for (const { job, name, dropped: count } of dropped)
      if (job !== null && name !== null) hub.emit('signal.dropped', { id: job, name, count })
    hub.emit('steps.swept', { removed: first?.removed ?? 0 })
    return this.#after === null ? undefined : 1_000
  }
}
