import type { Clock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { openFloors, raiseFloors } from '../database/statements/queues.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

/** A line at whose beginning rows lie that are gone: a look at the whole of it is dear. */
export interface DearLine {
  readonly queue: string
  /** Array literal. */
  readonly priorities: string
}

export interface LineKeeperOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** The lines of this worker that are dear to look at now. */
  readonly dearLines: () => readonly DearLine[]
  /** There may be jobs in a queue that nobody has seen. */
  readonly onReady: (queue: string) => void
}

const INTERVAL_MS = 1_000

/**
 * Raises the floors of lines that have become dear to look at, because an old transaction keeps rows
 * that are gone. Every worker does it, for its own queues, and for those of anybody whose floors wait
 * for a transaction to end.
 */
export class LineKeeper implements Service {
  readonly #options: LineKeeperOptions
  readonly #loop: Loop

  constructor(options: LineKeeperOptions) {
    this.#options = options
    this.#loop = new Loop({
      clock: options.clock,
      pass: () => this.#pass(),
      onError: (error) => options.hub.emit('database.troubled', { what: 'raising floors', error }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #pass(): Promise<number> {
    const { database, dearLines, onReady } = this.#options
    const lines = new Map<string, string>()
    for (const line of await database.engine(openFloors, [])) lines.set(line.queue, line.priorities)
    for (const line of dearLines()) lines.set(line.queue, line.priorities)
    for (const [queue, priorities] of lines) {
      const [row] = await database.engine(raiseFloors, [queue, priorities])
      if (row?.lowered === true) onReady(queue)
    }
    return jittered(INTERVAL_MS)
  }
}
