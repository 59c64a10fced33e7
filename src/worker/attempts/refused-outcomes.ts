import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { JobUpdate } from '../../core/settle.ts'
import { loggedError } from '../../database/logged-error.ts'
import { sqlStateOf } from '../../database/sql-state.ts'
import type { Hub } from '../../events/hub.ts'

export interface RefusedOutcomesOptions {
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  /** Ends the retries. */
  readonly signal: AbortSignal
  /**
   * Saves a batch. What is refused again is added by `add`; what could not be sent before the end is
   * returned.
   */
  readonly save: (batch: readonly JobUpdate[]) => Promise<readonly JobUpdate[]>
}

/** The shortest and the longest wait between two attempts to save, in milliseconds. */
const FIRST_MS = 100
const LONGEST_MS = 5_000
/** The most statements of one round: enough to find some ten rows among thousands. */
const MAX_SENT = 64
/** How often the same reason is logged again, in milliseconds. */
const LOG_MS = 60_000

/**
 * Outcomes that the database refused for a reason that is not about their rows: a right that was revoked, a
 * limit of the server, a missing partition of the history. They are kept and tried again until they are
 * saved or the lease is lost, since what they report has happened and must not happen twice.
 *
 * Each round sends all of them, and then halves of what is refused, with a bounded number of statements: a
 * single row that is refused does not hold up the others for long, and a reason that holds for all rows
 * costs little, at intervals that grow.
 */
export class RefusedOutcomes {
  readonly #options: RefusedOutcomesOptions
  #kept: JobUpdate[] = []
  /** Taken from `#kept` and sent. */
  #sent: readonly JobUpdate[] = []
  #retrying: Promise<void> | null = null
  #wait = new AbortController()
  #isUrgent = false
  #loggedAt = Number.NEGATIVE_INFINITY
  #loggedState: string | undefined

  constructor(options: RefusedOutcomesOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#wait.abort(), { once: true })
  }

  get size(): number {
    return this.#kept.length + this.#sent.length
  }

  /** The retries that run, for a caller that waits for their end. */
  get pending(): readonly Promise<void>[] {
    return this.#retrying === null ? [] : [this.#retrying]
  }

  add(batch: readonly JobUpdate[], error: unknown): void {
    this.#kept.push(...batch)
    this.#options.hub.emit('database.error', { what: 'saving outcomes', error })
    this.#log(batch, error)
    this.#retrying ??= this.#retry().finally(() => {
      this.#retrying = null
    })
  }

  /** The worker is about to end: tries again without the long waits. */
  hurry(): void {
    this.#isUrgent = true
    this.#wait.abort()
  }

  async #retry(): Promise<void> {
    const { clock, signal } = this.#options
    let delayMs = FIRST_MS
    while (this.#kept.length > 0 && !signal.aborted) {
      await clock.sleep(delayMs, this.#wait.signal)
      if (signal.aborted) return
      this.#wait = new AbortController()
      const kept = this.#kept.length
      await this.#round()
      const isStuck = this.#kept.length >= kept
      delayMs = isStuck && !this.#isUrgent ? Math.min(delayMs * 2, LONGEST_MS) : FIRST_MS
    }
  }

  async #round(): Promise<void> {
    const batches = [shuffled(this.#kept)]
    for (let sent = 0; sent < MAX_SENT && !this.#options.signal.aborted; sent++) {
      const batch = batches.shift()
      if (batch === undefined) return
      if ((await this.#isSaved(batch)) || batch.length === 1) continue
      // Breadth first: the larger parts come before the smaller ones.
      const middle = batch.length >> 1
      batches.push(batch.slice(0, middle), batch.slice(middle))
    }
  }

  /** Sends a part of what is kept. What is refused is kept again, after the others. */
  async #isSaved(batch: readonly JobUpdate[]): Promise<boolean> {
    const sent = new Set(batch)
    this.#kept = this.#kept.filter((update) => !sent.has(update))
    this.#sent = batch
    const unsent = await this.#options.save(batch)
    this.#sent = []
    this.#kept.push(...unsent)
    return !this.#kept.some((update) => sent.has(update))
  }

  #log(batch: readonly JobUpdate[], error: unknown): void {
    const now = this.#options.clock.monotonic()
    const state = sqlStateOf(error)
    if (state === this.#loggedState && now - this.#loggedAt < LOG_MS) return
    this.#loggedAt = now
    this.#loggedState = state
    this.#options.log.error(
      { ...loggedError(error), job: batch[0]?.job.id, outcomes: this.size },
      'attempt outcome was not recorded: it is kept and tried again',
    )
  }
}

/** So that no part of them is always at the end of a round. */
function shuffled(updates: readonly JobUpdate[]): JobUpdate[] {
  const all = [...updates]
  for (let n = all.length - 1; n > 0; n--) {
    const other = Math.floor(Math.random() * (n + 1))
    ;[all[n], all[other]] = [all[other]!, all[n]!]
  }
  return all
}
