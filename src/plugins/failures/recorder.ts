import { loggedError } from '../../database/logged-error.ts'
import { classify } from '../../database/retry.ts'
import type { PluginAccess, SavedAttempt } from '../../plugin/index.ts'
import { addFailures } from './statements.ts'
import { Tally } from './tally.ts'

/** How long one flush may take, in milliseconds. */
const DEADLINE_MS = 5_000

/**
 * What one application counts in this process. A flush whose answer is lost is not repeated: totals may be short, and
 * never long.
 */
export class Recorder {
  readonly #access: PluginAccess
  readonly #tally = new Tally()
  #flushing: Promise<void> = Promise.resolve()

  constructor(access: PluginAccess) {
    this.#access = access
    access.on('jobs.recovered', ({ jobs }) => {
      for (const job of jobs)
        if (job.state === 'failed') this.#tally.addLost(job, access.clock.now())
    })
  }

  add(saved: readonly SavedAttempt[], version: string | null): void {
    for (const one of saved) this.#tally.add(one, version)
  }

  /** Writes what was counted until now. One after the other. @throws what the database says */
  flush(): Promise<void> {
    const next = this.#flushing.then(() => this.#flush())
    this.#flushing = next.catch(() => {})
    return next
  }

  async #flush(): Promise<void> {
    if (this.#tally.isEmpty) return
    const entries = this.#tally.take()
    const { database, log } = this.#access
    try {
      await database.run(addFailures, [JSON.stringify(entries)], { deadlineMs: DEADLINE_MS })
    } catch (error) {
      const verdict = classify(error)
      if (verdict === 'ambiguous') {
        log.warn(loggedError(error), 'failures given up: whether they were written is not known')
        return
      }
      // What the database refuses for its content will be refused again.
      if (verdict !== 'caller') this.#tally.putBack(entries)
      throw error
    }
  }
}
