/**
 * The place of one batch of a pushMany behind the batch before it. Two are written at once, in
 * transactions of their own: the later one draws its places after the earlier one, and commits after
 * it. So the jobs stand in the line and appear in the order of the call, and nothing is written behind
 * a batch that failed.
 */
export class BulkTurn {
  #before: BulkTurn | null
  readonly #drawn = once<void>()
  /** Whether it was written, known when its first try has ended. */
  readonly #tried = once<boolean>()
  #done: Promise<void> = Promise.resolve()
  #isLate = false
  #isWritten = false

  /** @param before null for the first batch. */
  constructor(before: BulkTurn | null) {
    this.#before = before
  }

  get isWritten(): boolean {
    return this.#isWritten
  }

  /** Follows the batch to its end, whatever comes of `work`. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const end = (isWritten: boolean): void => {
      this.#before = null
      this.#isWritten = isWritten
      this.#isLate = !isWritten
      this.#drawn.happen()
      this.#tried.happen(isWritten)
    }
    const done = work()
    this.#done = done.then(
      () => end(true),
      (error) => {
        end(false)
        throw error
      },
    )
    // Heard by the successor, if there is one.
    this.#done.catch(() => {})
    return done
  }

  /** This batch has its places, and its successor may draw. */
  drawn(): void {
    this.#drawn.happen()
  }

  /** This batch is committed, and its successor may commit. */
  committed(): void {
    this.#tried.happen(true)
  }

  /** The first try has failed. A successor that waits for it lets go of its connection. */
  failed(): void {
    this.#isLate = true
    this.#drawn.happen()
    this.#tried.happen(false)
  }

  /** Resolves when the places behind those of the batch before may be drawn; rejects when it failed. */
  async mayDraw(): Promise<void> {
    const before = this.#before
    if (before === null) return
    await before.#drawn.promise
    if (before.#isLate) await before.#done
    // What is drawn from here on lies behind it for good.
    if (before.#isWritten) this.#before = null
    // Drawn beside a try that fails, this one fails too: known at once, so that the next one waits.
    else void before.#tried.promise.then((isCommitted) => isCommitted || this.failed())
  }

  /** Whether the batch before is committed, once its first try has ended. */
  async mayCommit(): Promise<boolean> {
    const before = this.#before
    // One that was written at its second try has new places, behind those that were drawn here.
    return before === null || (await before.#tried.promise)
  }

  /** Resolves when the batch before is written; rejects when it failed. */
  async alone(): Promise<void> {
    if (this.#before !== null) await this.#before.#done
  }
}

/** Something that happens once. */
function once<T>(): { readonly promise: Promise<T>; readonly happen: (value: T) => void } {
  let happen: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    happen = resolve
  })
  return { promise, happen }
}
