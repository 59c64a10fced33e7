import type { Database } from '../../database/database.ts'
import { advanceWatermarks, pendingWatermarks } from '../../database/statements/queues.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** A queue with dead rows before its first ready job: a full scan of it is expensive. */
export interface ExpensiveScan {
  readonly queue: string
  /** Array literal. */
  readonly priorities: string
}

export interface WatermarkUpdaterOptions {
  readonly database: Database
  /** The queues of this worker whose full scan is expensive now. */
  readonly expensiveScans: () => readonly ExpensiveScan[]
  /** A queue may have ready jobs below its former watermark. */
  readonly onReady: (queue: string) => void
}

/**
 * Advances the watermarks of queues whose scan has become expensive, because a long-running transaction
 * holds back the removal of dead tuples. Every worker does it for its own queues, and for each queue whose
 * watermark waits for a transaction to end.
 */
export class WatermarkUpdater implements PeriodicTask {
  readonly name = 'advancing watermarks'
  readonly every = '1s'
  readonly isJittered = true
  readonly #options: WatermarkUpdaterOptions

  constructor(options: WatermarkUpdaterOptions) {
    this.#options = options
  }

  async pass(): Promise<undefined> {
    const { database, expensiveScans, onReady } = this.#options
    const scans = new Map<string, string>()
    for (const scan of await database.engine(pendingWatermarks, []))
      scans.set(scan.queue, scan.priorities)
    for (const scan of expensiveScans()) scans.set(scan.queue, scan.priorities)
    for (const [queue, priorities] of scans) {
      const [row] = await database.engine(advanceWatermarks, [queue, priorities])
      if (row?.lowered === true) onReady(queue)
    }
  }
}
