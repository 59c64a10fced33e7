import type { Clock } from '../../core/clock.ts'
import type { PushRow } from '../../core/push-row.ts'
import { KEY_WAIT_MS, type Pushed, type PushWriter, UniqueKeyBusy } from './push-writer.ts'

/** How long one try waits for a key that was found busy, in milliseconds: the other rows wait behind it. */
const ROUND_WAIT_MS = 100

interface Waiting {
  readonly row: PushRow
  readonly endsAt: number
  readonly resolve: (pushed: Pushed) => void
  readonly reject: (error: unknown) => void
}

/**
 * Pushes rows with unique keys, separately from all others: their insert waits for an open transaction
 * that holds one of the keys, and one such key must not delay the rest. A batch that meets one is
 * split; its rows are tried one by one, in rounds, until their deadline.
 */
export class UniquePusher {
  readonly #pusher: PushWriter
  readonly #clock: Clock
  readonly #deadlineMs: number
  #busy: Waiting[] = []
  #rounds: Promise<void> | null = null

  constructor(pusher: PushWriter, clock: Clock, deadlineMs: number) {
    this.#pusher = pusher
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  /** One promise a row, so that a busy key delays its own row only. */
  async push(rows: readonly PushRow[]): Promise<Promise<Pushed>[]> {
    const endsAt = this.#clock.monotonic() + this.#deadlineMs
    try {
      const keyWaitMs = Math.min(KEY_WAIT_MS, this.#deadlineMs)
      const pushed = await this.#pusher.push(rows, { keyWaitMs, isPatient: false })
      return pushed.map((one) => Promise.resolve(one))
    } catch (error) {
      if (!(error instanceof UniqueKeyBusy)) throw error
      return rows.map((row) => this.#wait(row, endsAt))
    }
  }

  async drained(): Promise<void> {
    while (this.#rounds !== null) await this.#rounds
  }

  #wait(row: PushRow, endsAt: number): Promise<Pushed> {
    return new Promise((resolve, reject) => {
      this.#busy.push({ row, endsAt, resolve, reject })
      this.#rounds ??= this.#goRound()
    })
  }

  async #goRound(): Promise<void> {
    while (this.#busy.length > 0) {
      const round = this.#busy
      this.#busy = []
      for (const waiting of round) await this.#try(waiting)
    }
    this.#rounds = null
  }

  async #try(waiting: Waiting): Promise<void> {
    const { row, resolve, reject, endsAt } = waiting
    try {
      // A try whose reply was lost may have been committed before a later one found a key busy.
      const options = { keyWaitMs: ROUND_WAIT_MS, isPatient: false, wasTried: true }
      const [pushed] = await this.#pusher.push([row], options)
      resolve(pushed as Pushed)
    } catch (error) {
      if (!(error instanceof UniqueKeyBusy)) reject(error)
      else if (this.#clock.monotonic() < endsAt) this.#busy.push(waiting)
      else reject(this.#pusher.keyBusy([row], error.cause))
    }
  }
}
