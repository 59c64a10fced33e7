import type { PushRow } from '../core/push-row.ts'
import type { ClaimedRow, ClaimRequest } from '../database/statements/jobs.ts'

/** A claim that travels with a push. Exactly one of the two is called, once. */
export interface OfferedClaim {
  readonly request: ClaimRequest
  /** The push was committed, and this is what the claim answered. */
  answered(rows: readonly ClaimedRow[]): void
  /** The push failed, or nobody knows. */
  lost(): void
}

/** What can run jobs in this process. */
export interface LocalRunner {
  /** A claim for a queue that takes these names, when it is at rest and has room for so many. */
  offer(queue: string, names: ReadonlySet<string>, count: number): OfferedClaim | null
}

/**
 * Workers of this process that would claim a job the moment it is pushed. Their claim goes along with
 * the push, and the job starts after one commit instead of two.
 *
 * Only where the claim keeps nobody waiting: rows that are in the line at once, without a unique key
 * and without a concurrency limit. A worker that is busy claims by itself, beside the pushes.
 */
export class LocalClaims {
  readonly #runners = new Set<LocalRunner>()

  /** Gives back what takes it out again. */
  add(runner: LocalRunner): () => void {
    this.#runners.add(runner)
    return () => this.#runners.delete(runner)
  }

  offerFor(rows: readonly PushRow[]): OfferedClaim | null {
    const [first] = rows
    if (this.#runners.size === 0 || first === undefined) return null
    if (!rows.every((row) => isOrdinary(row) && row.queue === first.queue)) return null
    const names = new Set(rows.map(({ name }) => name))
    for (const runner of this.#runners) {
      const offer = runner.offer(first.queue, names, rows.length)
      if (offer !== null) return offer
    }
    return null
  }
}

function isOrdinary({ scheduledAtMs, delayMs, uniqueKey, isLimited }: PushRow): boolean {
  return scheduledAtMs === null && delayMs === null && uniqueKey === null && !isLimited
}
