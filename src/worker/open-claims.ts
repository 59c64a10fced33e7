/**
 * Claims of this worker whose jobs have not all ended. The database keeps a row for each, by which the
 * jobs are found when this worker is gone; the row of a claim that is over is removed with the next
 * outcomes.
 */
export class OpenClaims {
  /** Jobs that have not ended, by the number of their claim. */
  readonly #open = new Map<number, number>()
  #over = new Set<number>()

  /** Whether the answer to this claim is known here. */
  has(claim: number): boolean {
    return this.#open.has(claim) || this.#over.has(claim)
  }

  began(claim: number): void {
    this.#open.set(claim, (this.#open.get(claim) ?? 0) + 1)
  }

  /** One job of it was saved, or belongs to somebody else by now. */
  ended(claim: number): void {
    const left = (this.#open.get(claim) ?? 0) - 1
    if (left > 0) {
      this.#open.set(claim, left)
      return
    }
    // A claim of an earlier life of this worker is not known any more: its row is recovery's.
    if (this.#open.delete(claim)) this.#over.add(claim)
  }

  /** A claim without a job that runs: only its row is left. */
  isOver(claim: number): void {
    if (!this.#open.has(claim)) this.#over.add(claim)
  }

  /** The claims whose rows are to be removed; whoever takes them does it, or puts them back. */
  takeOver(): readonly number[] {
    if (this.#over.size === 0) return []
    const over = [...this.#over]
    this.#over = new Set()
    return over
  }

  putBack(claims: readonly number[]): void {
    for (const claim of claims) this.#over.add(claim)
  }

  clear(): void {
    this.#open.clear()
    this.#over.clear()
  }
}
