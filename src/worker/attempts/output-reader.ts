import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../database/database.ts'
import { retrying } from '../../database/retry.ts'
import { readOutputs } from '../../database/statements/flows.ts'
import type { Hub } from '../../events/hub.ts'
import type { OutputsPage } from '../../executors/executor.ts'

/** Reads what the jobs of a map gave, for attempts of other steps of its workflow. */
export class OutputReader {
  readonly #options: {
    readonly database: Database
    readonly hub: Hub
    readonly clock: Clock
    readonly leaseMs: number
  }

  constructor(options: {
    readonly database: Database
    readonly hub: Hub
    readonly clock: Clock
    readonly leaseMs: number
  }) {
    this.#options = options
  }

  /** A page, from the item `after` on. Retries for as long as the job can be held without the database. */
  async read(job: ClaimedJob, step: string, after: number): Promise<OutputsPage> {
    const { database, hub, clock, leaseMs } = this.#options
    const values = [job.id, `${job.fence}`, job.workerId, step, after] as const
    const rows = await retrying(() => database.run(readOutputs, values), {
      clock,
      deadlineMs: leaseMs,
      reads: true,
      onRetry: ({ error }) =>
        hub.emit('database.error', { what: 'reading the outputs of a map', error }),
    })
    const last = rows.at(-1)?.verdict ?? 'lost'
    if (last !== 'more' && last !== 'end')
      return { fault: last === 'item' ? 'lost' : last, items: [], hasMore: false }
    const items = rows.slice(0, -1).map(({ result }) => result ?? 'null')
    return { fault: null, items, hasMore: last === 'more' }
  }
}
