import type { Database } from '../../database/database.ts'
import { wakeSignaled } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

export interface SignalSweeperOptions {
  readonly database: Database
  readonly hub: Hub
  /** Jobs of this queue are ready. */
  readonly onReady: (queue: string) => void
}

/** Signals a pass. */
const MAX_SIGNALS = 1_000

/**
 * Wakes the durable jobs whose signals were sent by transactions of callers, which wake none: when a notification says
 * that there is one, and each second. A job that another transaction holds has its turn in the next pass.
 */
export class SignalSweeper implements PeriodicTask {
  readonly name = 'waking jobs for signals'
  readonly every = '1s'
  readonly isJittered = true
  readonly wakeOn = ['signal.left', 'notifier.reconnected'] as const
  readonly #options: SignalSweeperOptions

  constructor(options: SignalSweeperOptions) {
    this.#options = options
  }

  async pass(): Promise<number | undefined> {
    const { database, hub, onReady } = this.#options
    let woken = 0
    let found = 0
    for (const row of await database.engine(wakeSignaled, [MAX_SIGNALS])) {
      found = Math.max(found, row.found)
      if (row.queue !== null) {
        woken++
        onReady(row.queue)
      } else if (row.job !== null && row.name !== null) {
        hub.emit('signal.dropped', { id: row.job, name: row.name, count: row.dropped })
      }
    }
    hub.emit('signals.swept', { found, woken })
    return found >= MAX_SIGNALS ? 0 : undefined
  }
}
