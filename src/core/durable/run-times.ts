import type { Clock } from '../clock.ts'
import type { DurableHistory } from '../durable-record.ts'

/** The times of one attempt of a durable job, by the clock of the database as the attempt knows it, in milliseconds. */
export class RunTimes {
  readonly clock: Clock
  /** When the attempt was claimed. */
  readonly claimedMs: number
  readonly #beganAt: number
  /** What the code takes for the time before the first result. */
  readonly #beganMs: number
  /** Whether the attempt started with a record. */
  readonly #hasRecord: boolean
  #nowMs: number
  #hasGiven = false

  constructor(clock: Clock, claimedMs: number, { steps, waits }: DurableHistory) {
    this.clock = clock
    this.claimedMs = claimedMs
    this.#beganAt = clock.monotonic()
    const reached = waits.map(({ startedMs }) => startedMs)
    this.#beganMs = steps[0]?.startedMs ?? Math.min(claimedMs, ...reached)
    this.#hasRecord = steps.length > 0
    this.#nowMs = this.#beganMs
  }

  /** The time of the last given result. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** The present time. It grows with each result. */
  get databaseMs(): number {
    const passed = this.claimedMs + this.clock.monotonic() - this.#beganAt
    return Math.max(this.#nowMs, Math.round(passed))
  }

  /** When something begins that is recorded later: before the first result, the time that a replay takes from its record. */
  get startMs(): number {
    return this.#hasRecord || this.#hasGiven ? this.databaseMs : this.#beganMs
  }

  given(endedMs: number): void {
    this.#hasGiven = true
    this.#nowMs = Math.max(this.#nowMs, endedMs)
  }
}
