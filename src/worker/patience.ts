import { DatabaseError } from '../core/errors.ts'
import { DEFAULT_DEADLINE_MS } from '../database/driver.ts'

const SHORTEST_MS = 1_000

/** How long a worker with this lease waits for an answer: one that is lost must not cost the lease. */
export function answerDeadlineMs(leaseMs: number): number {
  return Math.min(DEFAULT_DEADLINE_MS, Math.max(SHORTEST_MS, leaseMs / 3))
}

/**
 * The deadline of one kind of statement: a third of the lease, so that a connection that is lost in
 * silence is given up long before the lease is. After a statement that took longer it is doubled, up to
 * the driver's own, or a database that is only slow would never get one done.
 */
export class Patience {
  readonly #shortestMs: number
  #deadlineMs: number

  constructor(leaseMs: number) {
    this.#shortestMs = answerDeadlineMs(leaseMs)
    this.#deadlineMs = this.#shortestMs
  }

  get deadlineMs(): number {
    return this.#deadlineMs
  }

  answered(): void {
    this.#deadlineMs = this.#shortestMs
  }

  failed(error: unknown): void {
    if (!(error instanceof DatabaseError) || error.code !== 'DATABASE_DEADLINE') return
    const { sent, deadlineMs } = error.details as { sent?: boolean; deadlineMs?: number }
    // One whose connection was found dead before says nothing of the database.
    const tookAll = sent === true && (deadlineMs ?? 0) >= this.#deadlineMs * 0.9
    if (tookAll) this.#deadlineMs = Math.min(DEFAULT_DEADLINE_MS, this.#deadlineMs * 2)
  }
}
