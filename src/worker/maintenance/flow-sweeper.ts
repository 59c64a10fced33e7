import type { Database } from '../../database/database.ts'
import type { FlowRow } from '../../database/statements/flow-row.ts'
import { sweepFlows } from '../../database/statements/flows.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

export interface FlowSweeperOptions {
  readonly database: Database
  readonly hub: Hub
  readonly onFlow: (row: FlowRow) => void
}

/** Workflows a pass. */
const MAX_OWNERS = 100

/**
 * Finds what is due in workflows: ends of steps that a worker left when it died, deadlines, workflows that are being
 * cancelled, and those whose retention has passed. Every worker does it; what another one holds is passed over.
 */
export class FlowSweeper implements PeriodicTask {
  readonly name = 'sweeping workflows'
  readonly every = '1s'
  readonly isJittered = true
  readonly #options: FlowSweeperOptions

  constructor(options: FlowSweeperOptions) {
    this.#options = options
  }

  async pass(): Promise<number | undefined> {
    const { database, hub, onFlow } = this.#options
    let removed = 0
    let followed = 0
    for (const row of await database.engine(sweepFlows, [MAX_OWNERS])) {
      if (row.verdict === 'removed') removed += Number(row.name)
      else followed++
      onFlow(row)
    }
    hub.emit('workflows.swept', { followed, removed })
    // More of them may be waiting.
    return removed >= 1_000 ? 0 : undefined
  }
}
