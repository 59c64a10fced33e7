import type { PushRow } from '../../core/push-row.ts'
import type { ClaimAnswerRow, ClaimRequest } from '../../database/statements/jobs.ts'

/** A claim that travels with a push. Exactly one of the two callbacks is called, once. */
export interface ClaimOffer {
  readonly request: ClaimRequest
  /** The push was committed, and this is what the claim answered. */
  answered(rows: readonly ClaimAnswerRow[]): void
  /** The push failed, or its outcome is unknown. */
  lost(): void
}

/** What can run jobs in this process. */
export interface LocalRunner {
  /** A claim for a queue that takes these names, when it is idle and has that many free slots. */
  offer(queue: string, names: ReadonlySet<string>, count: number): ClaimOffer | null
}

/**
 * Lets a claim of an idle worker of this process travel with a push, so that the job starts after one commit
 * instead of two. Measured in turns, a lone job from `push` to the end of its wait: without it 1.2 times the
 * time, and 1.2 times the processor time of the server and 1.3 of the client; with 20 callers that push and
 * wait concurrently it changes nothing.
 *
 * Only for rows whose claim delays no other job: ready immediately, without a unique key and without a
 * concurrency limit. A busy worker claims by itself, concurrently with the pushes.
 */
export class LocalClaimOffers {
  readonly #runners = new Set<LocalRunner>()

  /** Returns the function that removes it. */
  add(runner: LocalRunner): () => void {
    this.#runners.add(runner)
    return () => this.#runners.delete(runner)
  }

  offerFor(rows: readonly PushRow[]): ClaimOffer | null {
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
